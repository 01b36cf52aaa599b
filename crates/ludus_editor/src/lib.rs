//! A window to watch agents learn in, and to look at what they learned.
