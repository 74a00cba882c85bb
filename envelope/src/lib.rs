//! Sealed transfers, suite 1.
