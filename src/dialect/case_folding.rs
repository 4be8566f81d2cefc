//! Case as readers of other languages fold it.

/// Lower case, with the four letters outside ASCII that fold into it: Go's `encoding/json` reads `ſtream` as
/// `stream`, and Turkish case rules tie `ı` and `İ` to `i`.
pub(super) fn fold(letter: char) -> char {
    match letter {
        '\u{17f}' => 's',
        '\u{212a}' => 'k',
        '\u{130}' | '\u{131}' => 'i',
        letter => letter.to_ascii_lowercase(),
    }
}

/// True where a reader that ignores case takes one name for the other.
pub(super) fn is_alike(one: &str, other: &str) -> bool {
    one.chars().map(fold).eq(other.chars().map(fold))
}
