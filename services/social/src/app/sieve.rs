//! A page of what a viewer may see, out of rows of which some may not be seen. That there are such rows is told by
//! nothing: a cursor stands only behind something that is shown, and only where more that may be seen was found, or where
//! no further was looked.

use crate::store::Place;

/// Rows of a look that comes after the first.
const ROWS: u32 = 100;
/// Looks for one page: what lies behind so many hidden rows is not found.
const LOOKS_MAX: u32 = 10;

pub struct Sieve<T> {
    wanted: u32,
    items: Vec<T>,
    /// The last that is shown.
    shown: Place,
    /// The last that was looked at.
    after: Place,
    /// The page is full, and more may be seen.
    more: bool,
    asked: u32,
    looked_at: u32,
    looks: u32,
}

impl<T> Sieve<T> {
    pub fn behind(after: Place, wanted: u32) -> Self {
        let (asked, looked_at, looks) = (0, 0, 0);
        Self { wanted, items: Vec::new(), shown: after, after, more: false, asked, looked_at, looks }
    }

    /// Behind what, and how many rows are to be looked at next; `None`: the page is made.
    pub fn next_look(&mut self) -> Option<(Place, u32)> {
        if self.more || self.looked_at < self.asked || self.looks == LOOKS_MAX {
            return None;
        }
        // A page of which nothing is hidden takes one look.
        let one_more = self.wanted.saturating_add(1);
        self.asked = if self.looks == 0 { one_more } else { one_more.max(ROWS) };
        self.looked_at = 0;
        self.looks += 1;
        Some((self.after, self.asked))
    }

    /// One more row; `None`: it may not be seen.
    pub fn put(&mut self, place: Place, item: Option<T>) {
        self.looked_at += 1;
        self.after = place;
        let Some(item) = item.filter(|_| !self.more) else { return };
        if self.items.len() == usize::try_from(self.wanted).unwrap_or(usize::MAX) {
            self.more = true;
        } else {
            self.items.push(item);
            self.shown = place;
        }
    }

    /// Nothing that is looked at from here on comes onto the page.
    pub fn is_full(&self) -> bool {
        self.more
    }

    pub fn page(self) -> (Vec<T>, String) {
        let cut = self.asked > 0 && self.looked_at >= self.asked;
        self.page_of(cut)
    }

    /// As [`Sieve::page`], of rows that no [`Sieve::next_look`] asked for; `cut`: further ones were not looked at.
    pub fn page_of(self, cut: bool) -> (Vec<T>, String) {
        let cursor = match self.more {
            true => self.shown.cursor(),
            false if cut && !self.items.is_empty() => self.after.cursor(),
            false => String::new(),
        };
        (self.items, cursor)
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    /// The page of rows 0.. of which those that `shows` says are seen; its cursor's place in time.
    fn page(count: i64, after: i64, wanted: u32, shows: impl Fn(i64) -> bool) -> (Vec<i64>, Option<i64>) {
        let at = |at_us| Place { at_us, id: Uuid::nil() };
        let mut sieve = Sieve::behind(at(after), wanted);
        while let Some((after, rows)) = sieve.next_look() {
            for row in (after.at_us + 1..count).take(rows as usize) {
                sieve.put(at(row), shows(row).then_some(row));
            }
        }
        let (items, cursor) = sieve.page();
        let cursor = (!cursor.is_empty()).then(|| Place::parse(&cursor, at(0)).expect("a place").at_us);
        (items, cursor)
    }

    #[test]
    fn a_cursor_stands_only_where_more_that_may_be_seen_follows() {
        assert_eq!(page(5, -1, 2, |_| true), (vec![0, 1], Some(1)));
        assert_eq!(page(5, 1, 3, |_| true), (vec![2, 3, 4], None));
        assert_eq!(page(0, -1, 2, |_| true), (vec![], None));
        assert_eq!(page(500, -1, 2, |row| row < 2), (vec![0, 1], None), "what follows is hidden");
        assert_eq!(page(500, -1, 1, |row| row == 0 || row == 499), (vec![0], Some(0)));
    }

    #[test]
    fn hidden_rows_are_passed_over_and_a_page_of_nothing_has_no_cursor() {
        assert_eq!(page(300, -1, 2, |row| row >= 250), (vec![250, 251], Some(251)));
        assert_eq!(page(300, -1, 2, |_| false), (vec![], None));
        assert_eq!(page(100_000, -1, 2, |_| false), (vec![], None), "however many there are");
        let (items, cursor) = page(100_000, -1, 2, |row| row == 7);
        assert_eq!(items, [7]);
        assert!(cursor.is_some_and(|at| at > 800), "no further was looked, and what is behind is not lost");
    }
}
