//! The runs of models that one answer took: a conversation is compacted, another model advises or steps in.
//!
//! Every statement of a stream lists all of them from the beginning.

use crate::dialect::{Counts, Figure, Figures, Run};

/// So many models are told apart; what further ones took is added to the last.
pub(super) const MOST_MODELS: usize = 4;

#[derive(Debug, Default)]
pub(super) struct ModelRuns {
    models: Vec<Model>,
    open: Option<Model>,
    /// The next run is the first of a list.
    restarts: bool,
}

/// What the runs of one model took.
#[derive(Debug, Default)]
struct Model {
    /// `None` is the one that answered.
    name: Option<String>,
    figures: RunFigures,
    longest_input: u64,
}

#[cfg(test)]
pub(super) const MODEL_BYTES: usize = size_of::<Model>();

/// The figures of a run.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct RunFigures([Option<u64>; FIGURES.len()]);

const FIGURES: [Figure; 6] = [
    Figure::FreshInput,
    Figure::CacheRead,
    Figure::CacheWrite,
    Figure::CacheWriteFiveMinutes,
    Figure::CacheWriteHour,
    Figure::Output,
];

impl RunFigures {
    pub(super) fn set(&mut self, figure: Figure, count: u64) {
        let place = FIGURES.iter().position(|known| *known == figure);
        if let Some(known) = place.and_then(|place| self.0.get_mut(place)) {
            *known = Some(count);
        }
    }

    fn add(&mut self, other: &Self) {
        for (known, more) in self.0.iter_mut().zip(other.0) {
            *known = known.or(more).map(|_| known.unwrap_or(0).saturating_add(more.unwrap_or(0)));
        }
    }

    fn counts(&self) -> Counts {
        let mut figures = Figures::default();
        for (figure, count) in FIGURES.into_iter().zip(self.0) {
            count.into_iter().for_each(|count| figures.set(figure, count));
        }
        Counts::of(&figures)
    }
}

impl ModelRuns {
    pub(super) fn is_empty(&self) -> bool {
        self.models.is_empty()
    }

    /// The largest figure of any model.
    pub(super) fn largest(&self) -> u64 {
        let figures = self.models.iter().flat_map(|model| model.figures.0);
        figures.flatten().max().unwrap_or(0)
    }

    pub(super) fn begin_list(&mut self) {
        self.restarts = true;
    }

    pub(super) fn begin_run(&mut self) {
        if std::mem::take(&mut self.restarts) {
            self.models.clear();
        }
        self.open = Some(Model::default());
    }

    /// What the run took that is being read.
    pub(super) fn open(&mut self) -> Option<&mut RunFigures> {
        self.open.as_mut().map(|run| &mut run.figures)
    }

    pub(super) fn name(&mut self, name: &str) {
        if let Some(run) = &mut self.open {
            run.name = Some(name.to_owned());
        }
    }

    /// The run that is being read breaks off.
    pub(super) fn abandon(&mut self) {
        self.open = None;
    }

    pub(super) fn end_run(&mut self) {
        let Some(run) = self.open.take() else { return };
        let longest_input = run.figures.counts().input.unwrap_or(0);
        let is_full = self.models.len() >= MOST_MODELS;
        let known = self.models.iter().position(|model| model.name == run.name);
        match known.or_else(|| is_full.then(|| MOST_MODELS.saturating_sub(1))) {
            Some(place) => {
                if let Some(model) = self.models.get_mut(place) {
                    model.figures.add(&run.figures);
                    model.longest_input = model.longest_input.max(longest_input);
                }
            }
            None => self.models.push(Model { longest_input, ..run }),
        }
    }

    /// What the model that answered took, if that is more than what was stated for all of the answer.
    pub(super) fn own(&self, model: Option<&str>, stated: Counts) -> Counts {
        let own: Vec<&Model> = self.models.iter().filter(|run| run.is_of(model)).collect();
        if own.is_empty() {
            return stated;
        }
        let mut took = RunFigures::default();
        own.iter().for_each(|run| took.add(&run.figures));
        let counts = took.counts();
        Counts {
            input: stated.input.max(counts.input),
            cache_read: stated.cache_read.max(counts.cache_read),
            cache_write: stated.cache_write.max(counts.cache_write),
            cache_write_hour: stated.cache_write_hour.max(counts.cache_write_hour),
            output: stated.output.max(counts.output),
            total: stated.total.max(counts.total),
            longest_input: own.iter().map(|run| run.longest_input).max(),
            ..stated
        }
    }

    /// What other models took.
    pub(super) fn others(&self, model: Option<&str>) -> Vec<Run> {
        let others = self.models.iter().filter(|run| !run.is_of(model));
        others
            .map(|run| Run {
                model: run.name.clone().unwrap_or_default(),
                counts: Counts { longest_input: Some(run.longest_input), ..run.figures.counts() },
            })
            .collect()
    }
}

impl Model {
    fn is_of(&self, model: Option<&str>) -> bool {
        self.name.is_none() || self.name.as_deref() == model
    }
}
