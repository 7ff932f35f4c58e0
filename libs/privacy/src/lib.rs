//! Who may see what: one pure function, audiences in, a field mask out
