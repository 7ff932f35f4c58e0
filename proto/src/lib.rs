//! The contract: every message and service, compiled from .proto by protox
