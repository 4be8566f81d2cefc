//! The name that was meant by one that does not exist.

/// The name nearest to `name`, where one is near enough to be meant and no other is as near.
pub(in crate::cli) fn nearest<'a>(
    name: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let distances =
        candidates.into_iter().map(|candidate| (strsim::damerau_levenshtein(name, candidate), candidate));
    let mut distances: Vec<(usize, &str)> = distances.collect();
    distances.sort_unstable();
    let mut nearest = distances.into_iter();
    let (distance, candidate) = nearest.next()?;
    let bound = name.chars().count().div_ceil(2).min(3);
    let is_alone = nearest.next().is_none_or(|(next, _)| next > distance);
    (distance <= bound && is_alone).then_some(candidate)
}
