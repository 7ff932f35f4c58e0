//! Which folded names a query finds, and how well.
//!
//! Every word of the query must be found in the name: as one of its words, as the beginning of one, or with few edits:
//! one where the query's word has 4 to 7 letters, two from 8 on, none below.

/// How badly a word fits: lower is better.
pub type Cost = u32;

const EXACT: Cost = 0;
const PREFIX: Cost = 1;
const EDITED: Cost = 2;

/// Edits that a word of the query forgives.
pub fn edits_max(word: &str) -> usize {
    match word.chars().count() {
        0..=3 => 0,
        4..=7 => 1,
        _ => 2,
    }
}

/// How badly a query's word fits a name's word; `None`: not at all.
pub fn cost_of(wanted: &str, word: &str) -> Option<Cost> {
    if wanted == word {
        return Some(EXACT);
    }
    if word.starts_with(wanted) {
        return Some(PREFIX);
    }
    let max = edits_max(wanted);
    let edits = distance(wanted, word, max)?;
    Cost::try_from(edits).ok().map(|edits| EDITED + edits)
}

/// How badly a query fits a name: the sum over its words, each in its best spelling at its best place.
pub fn cost(wanted: &[Vec<String>], name: &[&str]) -> Option<Cost> {
    let best = |ways: &Vec<String>| {
        ways.iter().flat_map(|way| name.iter().filter_map(|word| cost_of(way, word))).min()
    };
    wanted.iter().map(best).sum::<Option<Cost>>()
}

/// Levenshtein's distance in characters, when it is at most `max`.
pub fn distance(one: &str, other: &str, max: usize) -> Option<usize> {
    let (one, other): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
    if one.len().abs_diff(other.len()) > max {
        return None;
    }
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (line, letter) in one.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = line + 1;
        let mut least = row[0];
        for (column, against) in other.iter().enumerate() {
            let replaced = diagonal + usize::from(letter != against);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(diagonal + 1).min(row[column] + 1);
            least = least.min(row[column + 1]);
        }
        if least > max {
            return None;
        }
    }
    row.last().copied().filter(|edits| *edits <= max)
}

/// Pieces of three letters, with two blanks before the word and one behind it.
pub fn grams(word: &str) -> Vec<String> {
    let padded: Vec<char> = "  ".chars().chain(word.chars()).chain(" ".chars()).collect();
    let mut grams: Vec<String> = padded.windows(3).map(|three| three.iter().collect()).collect();
    grams.sort_unstable();
    grams.dedup();
    grams
}

/// Pieces that two words have in common at least, when they differ by no more edits than the wanted one forgives: an
/// edit spoils three.
pub fn shared_min(wanted: &str) -> usize {
    grams(wanted).len().saturating_sub(3 * edits_max(wanted)).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_edits_are_forgiven_and_more_in_longer_words() {
        assert_eq!(cost_of("otegulov", "otegulov"), Some(0));
        assert_eq!(cost_of("oteg", "otegulov"), Some(1));
        assert_eq!(cost_of("utegulov", "otegulov"), Some(3));
        assert_eq!(cost_of("utegulof", "otegulov"), Some(4));
        assert_eq!(cost_of("utegulfo", "otegulov"), None, "three edits");
        assert_eq!(cost_of("kanet", "kanat"), Some(3));
        assert_eq!(cost_of("konet", "kanat"), None, "two edits in five letters");
        assert_eq!(cost_of("ann", "ana"), None, "none in three");
    }

    #[test]
    fn every_word_must_be_found() {
        let wanted = |text: &str| text.split(' ').map(|word| vec![word.to_owned()]).collect::<Vec<_>>();
        assert_eq!(cost(&wanted("kanat oteg"), &["kanat", "otegulov"]), Some(1));
        assert_eq!(cost(&wanted("otegulov kanat"), &["kanat", "otegulov"]), Some(0));
        assert_eq!(cost(&wanted("kanat jumabai"), &["kanat", "otegulov"]), None);
    }

    #[test]
    fn words_within_the_edits_share_enough_pieces() {
        let (words, letters) = (["kanat", "otegulov", "jumabaikizi", "abab", "aaaaaaaa"], ['a', 'k', 'z']);
        for word in words {
            for place in 0..word.len() {
                for letter in letters {
                    let mut edited: Vec<char> = word.chars().collect();
                    edited[place] = letter;
                    let edited: String = edited.into_iter().collect();
                    let common = grams(word).iter().filter(|gram| grams(&edited).contains(gram)).count();
                    assert!(common >= shared_min(word), "{word} {edited}");
                }
            }
        }
    }
}
