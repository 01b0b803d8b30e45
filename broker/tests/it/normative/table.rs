//! Which statement is tested where.
