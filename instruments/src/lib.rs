//! What the code of a request costs, whatever else the machine is doing.
//!
//! Times tell how fast a machine is today. What stands here is the same from run to run: how
//! many instructions a request takes (`src/bin/instructions.rs`), and how many allocations
//! (`tests/allocations.rs`). Both send the requests of [`hot_path`]. `benches/parts.rs` has
//! the times of the parts.

pub mod figures;
pub mod hot_path;
pub mod valgrind;
