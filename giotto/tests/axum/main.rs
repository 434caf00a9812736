//! Beside the programs.
