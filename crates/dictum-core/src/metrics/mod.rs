//! Ready-made metrics, one file each.
