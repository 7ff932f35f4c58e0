//! The spine: event store, log, consumers, sealing
