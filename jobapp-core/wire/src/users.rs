//! Bodies and documents of buyers and sellers.
