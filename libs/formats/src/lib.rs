//! Device files in and out: bytes to columns, no I/O, no panics
