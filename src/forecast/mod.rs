//! What load will come: one file a method.
