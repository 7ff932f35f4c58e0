use proptest::prelude::*;

use super::*;

fn to(item: Item) -> impl Fn(Item) -> Ordering {
    move |other| (other.merit(), other.holder).cmp(&(item.merit(), item.holder))
}

/// Everything that the tree says of itself holds.
fn check(order: &Order) {
    fn walk(order: &Order, node: u32, height: u32) -> usize {
        if height == 0 {
            return order.leaves[node as usize].len;
        }
        let inner = &order.inners[node as usize];
        assert!(inner.len > 0, "an inner node is empty");
        for child in 0..inner.len {
            let below = inner.children[child];
            assert_eq!(walk(order, below, height - 1), inner.counts[child] as usize);
            assert!(inner.counts[child] > 0, "a child is empty");
            assert_eq!(order.first_of(below, height - 1), inner.firsts[child]);
        }
        inner.count()
    }
    assert_eq!(walk(order, order.root, order.height), order.len());
    let used = order.leaves.len() - order.leaves_free.len();
    assert!(used <= order.len().max(1), "leaves are lost");
}

#[derive(Clone, Debug)]
enum Step {
    Insert(u64, u32),
    Remove(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => (0_u64..40, 0_u32..2_000).prop_map(|(merit, holder)| Step::Insert(merit << 20, holder)),
        2 => any::<usize>().prop_map(Step::Remove),
    ];
    prop::collection::vec(step, 0..1_500)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn it_is_a_sorted_list(steps in steps(), ascending in any::<bool>()) {
        let mut order = Order::default();
        let mut sorted: Vec<(u64, u32)> = Vec::new();
        if ascending {
            for holder in 10_000..10_300 {
                order.insert(Item::new(7, holder), to(Item::new(7, holder)));
                sorted.push((7, holder));
            }
        }
        for step in steps {
            match step {
                Step::Insert(merit, holder) => {
                    let Err(place) = sorted.binary_search(&(merit, holder)) else { continue };
                    sorted.insert(place, (merit, holder));
                    let item = Item::new(merit, holder);
                    prop_assert_eq!(order.insert(item, to(item)), place);
                }
                Step::Remove(which) if !sorted.is_empty() => {
                    let place = which % sorted.len();
                    let (merit, holder) = sorted.remove(place);
                    prop_assert_eq!(order.remove(merit, to(Item::new(merit, holder))), Some(place));
                }
                Step::Remove(_) => prop_assert_eq!(order.remove(1, to(Item::new(1, 1))), None),
            }
        }
        check(&order);
        let items: Vec<(u64, u32)> = order.iter_from(0).map(|item| (item.merit(), item.holder)).collect();
        prop_assert_eq!(&items, &sorted);
        for (place, (merit, holder)) in sorted.iter().enumerate() {
            let item = Item::new(*merit, *holder);
            prop_assert_eq!(order.position(*merit, |other| to(item)(other) == Ordering::Less), place);
            prop_assert_eq!(order.get(place), Some(item));
        }
        prop_assert_eq!(order.get(sorted.len()), None);
    }
}

#[test]
fn what_grew_large_empties_without_a_trace() {
    let mut order = Order::default();
    let item = |n: u32| Item::new(u64::from(n.wrapping_mul(2_654_435_761)), n);
    for n in 0..30_000 {
        order.insert(item(n), to(item(n)));
    }
    check(&order);
    assert!(order.height >= 2);
    for n in 0..30_000 {
        assert!(order.remove(item(n).merit(), to(item(n))).is_some());
        if n % 3_000 == 0 {
            check(&order);
        }
    }
    check(&order);
    assert_eq!((order.len(), order.height), (0, 0));
    assert_eq!(order.remove(item(1).merit(), to(item(1))), None);
}

#[test]
fn what_comes_in_order_fills_its_leaves() {
    let mut order = Order::default();
    for n in 0..10_000 {
        order.insert(Item::new(u64::from(n), n), to(Item::new(u64::from(n), n)));
    }
    let leaves = order.leaves.len() - order.leaves_free.len();
    assert!(leaves <= 10_000 / (FAN - FAN / 8) + 1, "{leaves} leaves");
}
