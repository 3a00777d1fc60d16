//! The points of a sweep: every combination of its axes, or a sample, each found by its number.
//!
//! Nothing here is kept for each point, so a grid may be larger than memory.

use std::path::{Path, PathBuf};

use indexmap::IndexMap;
use rand::seq::SliceRandom;

use super::axis::{Axis, Field};
use crate::diagnose::{Origin, Problem};
use crate::document::{Node, Value};
use crate::outcome::{self, Outline};
use crate::rng::{Purpose, Seed};
use crate::scenario::{Measure, Overlay, Sampling, Scenario, Traffic};

/// Replications of a point where nobody says how many: as in a comparison.
const REPLICATIONS: u32 = 10;

/// A scenario with some of its fields left open.
#[derive(Clone, Debug)]
pub struct Grid {
    document: Node,
    folder: PathBuf,
    axes: Vec<Axis>,
    design: Design,
    /// Standard input, kept so that every point can read it.
    kept: Vec<(String, Traffic)>,
}

/// Which combinations there are.
#[derive(Clone, Debug)]
enum Design {
    /// All of them: the number of places of each axis.
    Full(Vec<u64>),
    /// A sample: for each point its share of the way along each axis.
    Drawn(Vec<Vec<f64>>),
}

impl Grid {
    /// The grid of `axes` over a document with its flags laid over it; with `sample` so many
    /// points drawn between the ends of the axes by the scenario's seed.
    pub fn new(
        mut document: Node,
        folder: &Path,
        axes: Vec<Axis>,
        sample: Option<(u64, Sampling)>,
    ) -> Result<Self, Problem> {
        document.take("sweep");
        if axes.is_empty() {
            return Err(Problem::new("there is nothing to vary").help(
                "write e.g. `--vary pool.main.servers=4..64:4`, or `[sweep]` in the scenario",
            ));
        }
        for (at, axis) in axes.iter().enumerate() {
            axis.check(&document)?;
            let earlier = || axes[..at].iter().flat_map(|axis| &axis.fields);
            let again = |field: &&Field| earlier().any(|known| known.path == field.path);
            if let Some(field) = axis.fields.iter().find(again) {
                return Err(Problem::new(format!("`{}` is varied by two axes", field.path))
                    .help("write all its values in one `--vary`")
                    .at(&axis.origin));
            }
        }
        let seed = document.get("seed").and_then(|node| node.typed().ok()).unwrap_or(1);
        let design = match sample {
            None => Design::Full(axes.iter().map(Axis::count).collect::<Result<_, _>>()?),
            Some((points, sampling)) => Design::Drawn(drawn(&axes, points, sampling, seed)?),
        };
        let folder = folder.to_path_buf();
        Ok(Self { document, folder, axes, design, kept: Vec::new() })
    }

    /// How many points there are.
    pub fn len(&self) -> u64 {
        match &self.design {
            Design::Full(counts) => counts.iter().fold(1, |all, count| all.saturating_mul(*count)),
            Design::Drawn(points) => points.len() as u64,
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The axes in the order they were written; the last one changes first.
    pub fn axes(&self) -> &[Axis] {
        &self.axes
    }

    /// Whether the points are a sample.
    pub fn is_drawn(&self) -> bool {
        matches!(self.design, Design::Drawn(_))
    }

    /// The document that the points are laid over.
    pub fn document(&self) -> &Node {
        &self.document
    }

    /// The fields of a point with their values, in the order of the axes.
    pub fn words(&self, point: u64) -> Vec<(&str, String)> {
        let fields = self.axes.iter().zip(self.shares(point));
        fields
            .flat_map(|(axis, place)| {
                axis.fields.iter().map(move |field| {
                    let value = match place {
                        Place::Nth(place) => field.values.nth(place),
                        Place::Share(u) => field.values.at_share(u),
                    };
                    (field.path.as_str(), value)
                })
            })
            .collect()
    }

    /// The fields of a point with their values as data: numbers are numbers.
    pub fn values(&self, point: u64) -> IndexMap<String, serde_json::Value> {
        let plain = |word: String| match Node::from_word(&word, Origin::whole("--vary", &word)) {
            node @ Node { value: Value::Integer(_) | Value::Float(_) | Value::Bool(_), .. } => {
                serde_json::Value::from(&node)
            }
            _ => word.into(),
        };
        self.words(point).into_iter().map(|(path, word)| (path.to_owned(), plain(word))).collect()
    }

    /// What the sweep is about; `best` as it was asked for.
    pub fn outline(&self, best: Option<Measure>) -> Result<Outline, Problem> {
        let first = self.scenario(0)?;
        let axis = |axis: &Axis| outcome::Axis {
            paths: axis.fields.iter().map(|field| field.path.clone()).collect(),
            count: if self.is_drawn() { None } else { axis.count().ok() },
            traffic: axis.changes_traffic(),
        };
        Ok(Outline {
            name: first.name,
            seed: first.seed,
            size: self.len(),
            axes: self.axes.iter().map(axis).collect(),
            confidence: first.run.confidence.0,
            best: best.map(|measure| measure.to_string()),
            scenario: serde_json::Value::from(&self.document),
        })
    }

    /// A point in words: `point 3: pool.web.servers = 8, balancer.policy = random`.
    pub fn name(&self, point: u64) -> String {
        let words: Vec<String> =
            self.words(point).iter().map(|(path, value)| format!("{path} = {value}")).collect();
        format!("point {}: {}", point + 1, words.join(", "))
    }

    /// The scenario of a point; a problem names the point.
    pub fn scenario(&self, point: u64) -> Result<Scenario, Problem> {
        let read = || {
            let mut document = self.document.clone();
            let mut overlay = Overlay::default();
            for (path, word) in self.words(point) {
                overlay.set("--vary", path, &word);
            }
            overlay.apply(&mut document)?;
            let mut scenario = Scenario::from_document(&document, &self.folder)?;
            for (name, traffic) in &self.kept {
                scenario.traffic.get(name).into_iter().for_each(|own| own.keep_like(traffic));
            }
            let run = &mut scenario.run;
            if run.precision.is_none() {
                run.replications.get_or_insert(REPLICATIONS);
            }
            Ok(scenario)
        };
        read().map_err(|problem: Problem| problem.in_case(&self.name(point)))
    }

    /// Types the scenario of every point if there are at most `most`, else of each value of each
    /// axis with the first values of the others; what is wrong is found before anything is run.
    pub fn check(&self, most: u64) -> Result<(), Problem> {
        if self.len() <= most {
            return (0..self.len()).try_for_each(|point| self.scenario(point).map(drop));
        }
        let Design::Full(counts) = &self.design else {
            return (0..most).try_for_each(|point| self.scenario(point).map(drop));
        };
        let mut stride = 1;
        for count in counts.iter().rev() {
            for place in 0..(*count).min(most) {
                self.scenario(place * stride)?;
            }
            stride = stride.saturating_mul(*count);
        }
        Ok(())
    }

    /// Reads standard input once for all points, where it is the traffic.
    pub fn keep_standard_input(&mut self) -> Result<(), Problem> {
        let first = self.scenario(0)?;
        for (name, traffic) in first.traffic {
            traffic.keep()?;
            self.kept.push((name, traffic));
        }
        Ok(())
    }

    /// The point that is run at a place: points with the same requests are run one after the other.
    pub fn in_order(&self, place: u64) -> u64 {
        let Design::Full(counts) = &self.design else { return place };
        let mut digits = vec![0; counts.len()];
        let mut rest = place;
        for inner in [true, false] {
            for at in (0..counts.len()).rev() {
                if self.axes[at].changes_traffic() != inner {
                    digits[at] = rest % counts[at];
                    rest /= counts[at];
                }
            }
        }
        digits.iter().zip(counts).fold(0, |point, (digit, count)| point * count + digit)
    }

    /// A number that points share if no axis changes their requests.
    pub fn traffic_of(&self, point: u64) -> u64 {
        let changing = || self.axes.iter().map(Axis::changes_traffic);
        let Design::Full(counts) = &self.design else {
            return if changing().any(|changes| changes) { point } else { 0 };
        };
        let digits = digits_of(point, counts);
        let own = digits.iter().zip(counts).zip(changing()).filter(|(_, changes)| *changes);
        own.fold(0, |number, ((digit, count), _)| number * count + digit)
    }

    /// How many points have the requests of one of them.
    pub fn points_of_a_traffic(&self) -> u64 {
        let own = self.axes.iter().map(|axis| !axis.changes_traffic());
        match &self.design {
            Design::Full(counts) => {
                counts.iter().zip(own).filter(|(_, own)| *own).map(|(count, _)| count).product()
            }
            Design::Drawn(points) if own.into_iter().all(|own| own) => points.len() as u64,
            Design::Drawn(_) => 1,
        }
    }

    fn shares(&self, point: u64) -> Vec<Place> {
        match &self.design {
            Design::Full(counts) => digits_of(point, counts).into_iter().map(Place::Nth).collect(),
            Design::Drawn(points) => {
                points[point as usize].iter().map(|&u| Place::Share(u)).collect()
            }
        }
    }
}

/// The place of a point on each axis; the last axis changes first.
fn digits_of(point: u64, counts: &[u64]) -> Vec<u64> {
    let mut digits = vec![0; counts.len()];
    let mut rest = point;
    for (digit, count) in digits.iter_mut().zip(counts).rev() {
        *digit = rest % count;
        rest /= count;
    }
    digits
}

/// Where a point lies on an axis.
#[derive(Clone, Copy)]
enum Place {
    Nth(u64),
    Share(f64),
}

/// The shares of the way of each of `points` along each axis. Every axis has a stream of its own,
/// so that one more does not move the others.
fn drawn(
    axes: &[Axis],
    points: u64,
    sampling: Sampling,
    seed: u64,
) -> Result<Vec<Vec<f64>>, Problem> {
    const MOST: u64 = 1_000_000;
    if points == 0 || points > MOST {
        let message = format!("a sample of {points} points cannot be drawn");
        return Err(Problem::new(message).help(format!("draw 1 to {MOST} with `--sample`")));
    }
    let mut shares = vec![Vec::with_capacity(axes.len()); points as usize];
    for axis in axes {
        let endless = axis.fields.iter().all(|field| field.values.is_endless());
        if !endless {
            axis.count()?;
        }
        let mut stream = Seed::new(seed, 0).stream(Purpose::Design, &axis.name());
        let mut strata: Vec<u64> = (0..points).collect();
        if sampling == Sampling::LatinHypercube {
            strata.shuffle(&mut stream);
        }
        for (own, stratum) in shares.iter_mut().zip(strata) {
            let u = stream.open01();
            own.push(match sampling {
                Sampling::LatinHypercube => (stratum as f64 + u) / points as f64,
                Sampling::Random => u,
            });
        }
    }
    Ok(shares)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid(vary: &[&str], sample: Option<(u64, Sampling)>) -> Grid {
        let text = "[traffic.a]\narrivals = 'poisson:rate=10/s'\n\
                    service = 'exponential:mean=50ms'\n[pool.web]\nservers = 2";
        let document = Node::from_toml("a.toml", text).unwrap();
        let axis = |text: &&str| Axis::parse(text, &Origin::whole("--vary", *text)).unwrap();
        Grid::new(document, Path::new(""), vary.iter().map(axis).collect(), sample).unwrap()
    }

    #[test]
    fn the_last_axis_changes_first_and_a_spec_can_be_entered() {
        let grid = grid(&["traffic.a.arrivals.rate=10/s,20/s", "pool.web.servers=1..3"], None);
        assert_eq!((grid.len(), grid.points_of_a_traffic()), (6, 3));
        assert_eq!(grid.name(4), "point 5: traffic.a.arrivals.rate = 20/s, pool.web.servers = 2");
        let scenario = grid.scenario(4).unwrap();
        assert_eq!(scenario.pool["web"].servers, 2);
        let arrivals = scenario.traffic["a"].keys.arrivals.as_ref().unwrap();
        assert_eq!(arrivals.resolved()["rate"], "20/s");
    }

    #[test]
    fn points_with_the_same_requests_are_run_one_after_the_other() {
        let grid = grid(&["pool.web.servers=1..3", "traffic.a.arrivals.rate=10/s,20/s"], None);
        let order: Vec<u64> = (0..6).map(|place| grid.in_order(place)).collect();
        assert_eq!(order, [0, 2, 4, 1, 3, 5]);
        let groups: Vec<u64> = order.iter().map(|&point| grid.traffic_of(point)).collect();
        assert_eq!(groups, [0, 0, 0, 1, 1, 1]);
    }

    #[test]
    fn a_latin_hypercube_has_one_point_in_each_part_of_each_axis() {
        let sample = Some((20, Sampling::LatinHypercube));
        let grid = grid(&["pool.web.servers=1..20", "pool.web.speed=1.0..2.0"], sample);
        let mut servers: Vec<u32> =
            (0..20).map(|point| grid.scenario(point).unwrap().pool["web"].servers).collect();
        assert_ne!(servers, (1..=20).collect::<Vec<_>>(), "in no order");
        servers.sort_unstable();
        assert_eq!(servers, (1..=20).collect::<Vec<_>>());
    }

    #[test]
    fn a_value_of_the_wrong_kind_is_told_with_its_point() {
        let grid = grid(&["pool.web.servers=1,2,many"], None);
        let problem = grid.scenario(2).unwrap_err().render(false);
        assert!(problem.contains("point 3: pool.web.servers = many"), "{problem}");
        assert!(problem.contains("--vary"), "{problem}");
    }
}
