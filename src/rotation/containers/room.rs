//! How much room a list gets when it is full.
//!
//! There are many short lists, of campaigns of five to ten accounts each, in which twice as much
//! room as is needed would be most of what they take. Knows no meaning of what is in them.

/// Lists of so many get room for as many again, and are left with some when it is known how many
/// come: one more would move all of them.
const LONG: usize = 64;

/// Adds to a list. While it is short it gets room for a quarter more only.
#[inline]
pub(crate) fn push<T>(list: &mut Vec<T>, item: T) {
    make(list, 1);
    list.push(item);
}

/// Makes room for so many more.
#[inline]
pub(crate) fn make<T>(list: &mut Vec<T>, more: usize) {
    if list.capacity() - list.len() < more {
        grow(list, more);
    }
}

#[inline(never)]
fn grow<T>(list: &mut Vec<T>, more: usize) {
    let len = list.len();
    let least = if len < LONG { len / 4 } else { len };
    let spare = if more < LONG { 0 } else { more / 8 };
    list.reserve_exact(least.max(more + spare));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_list_has_little_room_and_a_long_one_seldom_moves() {
        let (mut list, mut moves) = (Vec::new(), 0);
        for n in 0..100_000_usize {
            let room = list.capacity();
            push(&mut list, n);
            moves += usize::from(list.capacity() != room);
            let spare = list.capacity() - list.len();
            assert!(n >= LONG || spare <= n / 4, "{spare} of {n}");
        }
        assert!(moves <= 30, "{moves} moves");
        assert!(list.into_iter().eq(0..100_000));
        let mut list = vec![0; 5];
        list.shrink_to_fit();
        make(&mut list, 9);
        assert_eq!(list.capacity(), 14);
        make(&mut list, 800);
        assert_eq!(list.capacity(), 905);
    }
}
