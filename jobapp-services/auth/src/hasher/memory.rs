//! The memory that hashes work in.

use std::sync::atomic::{AtomicUsize, Ordering};

use argon2::Block;
use parking_lot::Mutex;

/// Memory for hashes: 19 MiB for one at a time. Whoever is done hands it on to the next while somebody waits; when nobody
/// does, it goes back to the system. To get it anew from there costs half as much as the hash itself: each of its 5,000 pages
/// is asked for, and zeroed, one by one.
#[derive(Default)]
pub(super) struct Memory {
    waiting: AtomicUsize,
    spare: Mutex<Vec<Vec<Block>>>,
}

/// Somebody waits for his turn to hash, until this is dropped.
pub(super) struct Waiting<'a>(&'a Memory);

impl Memory {
    pub(super) fn wait(&self) -> Waiting<'_> {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        Waiting(self)
    }

    /// Has `work` done in so many blocks. What is in them is left over from before.
    pub(super) fn lend<T>(&self, blocks: usize, work: impl FnOnce(&mut [Block]) -> T) -> T {
        let mut memory = self.spare.lock().pop().unwrap_or_default();
        memory.resize(blocks, Block::new());
        let done = work(&mut memory);
        if self.waiting.load(Ordering::Relaxed) > 0 {
            self.spare.lock().push(memory);
        } else {
            // Also what others have left: the last one out frees all of it.
            self.spare.lock().clear();
        }
        done
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_handed_on_while_somebody_waits_and_freed_by_the_last() {
        let memory = Memory::default();
        let waiting = memory.wait();
        let first = memory.lend(8, |blocks| blocks.as_ptr());
        assert_eq!(memory.lend(8, |blocks| blocks.as_ptr()), first, "the same memory");
        assert_eq!(memory.spare.lock().len(), 1);
        drop(waiting);
        memory.lend(8, |blocks| assert_eq!(blocks.len(), 8));
        assert!(memory.spare.lock().is_empty());
    }

    #[test]
    fn each_hash_has_as_much_as_it_wants() {
        let memory = Memory::default();
        let _waiting = memory.wait();
        for blocks in [8, 32, 8] {
            assert_eq!(memory.lend(blocks, |lent| lent.len()), blocks);
        }
    }
}
