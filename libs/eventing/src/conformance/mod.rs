//! What every backend must pass: suites as functions.
