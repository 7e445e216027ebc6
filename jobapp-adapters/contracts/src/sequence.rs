//! The promises of `Sequence`.

use std::sync::Arc;

use futures::future::join_all;

use crate::Harness;

/// The first number is the one asked for, and later ones are behind it.
pub async fn a_sequence_starts_where_it_is_told(h: &Harness) {
    assert_eq!(h.sequence.next("kettles", 100).await.unwrap(), 100);
    assert!(h.sequence.next("kettles", 1).await.unwrap() > 100);
}

/// Whoever asks for a larger number than the next one gets it, and everybody else a larger one from then on.
pub async fn a_sequence_goes_on_from_where_it_is_wanted(h: &Harness) {
    assert_eq!(h.sequence.next("kettles", 1).await.unwrap(), 1);
    assert_eq!(h.sequence.next("kettles", 1_000_000_000_000).await.unwrap(), 1_000_000_000_000);
    assert!(h.sequence.next("kettles", 1).await.unwrap() > 1_000_000_000_000);
    assert!(h.sequence.next("kettles", 1_000_000_000_000).await.unwrap() > 1_000_000_000_001);
    assert_eq!(h.sequence.next("pots", 1).await.unwrap(), 1);
}

/// Every number is larger than the one before.
pub async fn numbers_grow(h: &Harness) {
    let mut last = 0;
    for _ in 0..20 {
        let next = h.sequence.next("kettles", 1).await.unwrap();
        assert!(next > last);
        last = next;
    }
}

/// Each name has numbers of its own.
pub async fn sequences_are_independent(h: &Harness) {
    assert_eq!(h.sequence.next("kettles", 1).await.unwrap(), 1);
    assert_eq!(h.sequence.next("Kettles", 1).await.unwrap(), 1);
    assert_eq!(h.sequence.next("pots", -5).await.unwrap(), -5);
}

/// No number is given out twice.
pub async fn parallel_callers_get_different_numbers(h: &Harness) {
    let tasks = (0..6).map(|_| {
        let sequence = Arc::clone(&h.sequence);
        tokio::spawn(async move {
            let mut numbers = Vec::new();
            for _ in 0..20 {
                numbers.push(sequence.next("kettles", 1).await.unwrap());
            }
            assert!(numbers.is_sorted(), "they grow for each caller");
            numbers
        })
    });
    let mut numbers: Vec<i64> = join_all(tasks).await.into_iter().flat_map(Result::unwrap).collect();
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(numbers.len(), 120);
}
