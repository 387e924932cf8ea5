//! Stores in files that were damaged, cut off, of another format, or somebody else's: refused, or
//! read as they were, and never believed.
