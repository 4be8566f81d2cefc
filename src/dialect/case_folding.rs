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
