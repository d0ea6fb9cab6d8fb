//! Tests of the mapping and of hooks over fixtures.
