//! An orderly end, and going on where it stopped.
