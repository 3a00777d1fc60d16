//! The flags of every command that simulates: an overlay on the scenario document.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::reading::Reading;
use crate::diagnose::{Origin, Problem, no_such_file};
use crate::document::Node;
use crate::manifest::{Manifests, Names};
use crate::report::{Folder, Leftovers};
use crate::scenario::{Input, Overlay, Scenario};

/// How results are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For people.
    #[default]
    Table,
    /// One object, as the schema says.
    Json,
    /// One row a run, the header being the JSON path joined by dots.
    Csv,
    /// Tables for a pull request.
    Markdown,
}

/// What to simulate and how.
#[derive(Clone, Debug, Args)]
#[command(allow_negative_numbers = true)]
pub(super) struct Common {
    /// A scenario (*.toml) or a traffic file (anything else; `-` is standard input)
    #[arg(value_name = "INPUT")]
    pub(super) input: String,

    /// Servers in the pool
    #[arg(long, value_name = "N", help_heading = "Fleet")]
    servers: Option<String>,
    /// Requests a server serves at once
    #[arg(long, value_name = "C", help_heading = "Fleet")]
    slots: Option<String>,
    /// Work a second of a server; 1 serves a demand in its own length
    #[arg(long, value_name = "X", help_heading = "Fleet")]
    speed: Option<String>,
    /// What a server costs, e.g. `0.68/h`
    #[arg(long, value_name = "PRICE", help_heading = "Fleet")]
    price: Option<String>,
    /// Requests that may wait at a server
    #[arg(long, value_name = "N", help_heading = "Fleet")]
    queue_limit: Option<String>,
    /// The order in which those who wait are served (`plimsoll list discipline`)
    #[arg(long, value_name = "NAME", help_heading = "Fleet")]
    discipline: Option<String>,
    /// Which server gets a request: `name` or `name:key=value,…` (`plimsoll list balancer`);
    /// `compare` takes several
    #[arg(long, value_name = "SPEC", help_heading = "Fleet")]
    pub(super) balancer: Vec<String>,
    /// How many servers there are: `name` or `name:key=value,…` (`plimsoll list autoscaler`);
    /// `compare` takes several
    #[arg(long, value_name = "SPEC", help_heading = "Fleet")]
    pub(super) autoscaler: Vec<String>,
    /// A manifest of Kubernetes that describes the pool and its autoscaler: an HPA, a KEDA
    /// `ScaledObject`, a Knative `Service`, a `Deployment`; may be repeated
    #[arg(long, visible_alias = "hpa", value_name = "FILE", help_heading = "Fleet")]
    manifest: Vec<PathBuf>,
    /// Which signal of the simulation a metric of a manifest is, e.g. `http_requests=rate`
    #[arg(long, value_name = "NAME=SIGNAL", help_heading = "Fleet", requires = "manifest")]
    metric: Vec<String>,
    /// Where requests wait: `per-server` or `shared`
    #[arg(long, value_name = "PLACE", help_heading = "Fleet")]
    queue: Option<String>,

    /// Service times the trace does not have, e.g. `lognormal:mean=180ms,cv=1.3`
    #[arg(long, value_name = "SPEC", help_heading = "Traffic")]
    service: Option<String>,
    /// Place requests at random inside the tick their stamps were rounded to
    #[arg(long, value_name = "TICK", num_args = 0..=1, default_missing_value = "true",
          require_equals = true, help_heading = "Traffic")]
    spread: Option<String>,
    /// Multiply the number of requests: thins below 1, adds copies above
    #[arg(long, value_name = "X", help_heading = "Traffic")]
    rate_scale: Option<String>,
    /// Let time run this much faster
    #[arg(long, value_name = "X", help_heading = "Traffic")]
    speed_up: Option<String>,
    /// Only the part of the trace between two times after its start, e.g. `10m..1h`
    #[arg(long, value_name = "A..B", help_heading = "Traffic")]
    window: Option<String>,

    #[command(flatten)]
    reading: Reading,

    /// The length of the run; a trace ends by itself
    #[arg(long, value_name = "SPAN", help_heading = "Run")]
    pub(super) duration: Option<String>,
    /// What is left out at the start: `auto`, `none` or a duration
    #[arg(long, value_name = "SPAN", help_heading = "Run")]
    warm_up: Option<String>,
    /// The root of all randomness
    #[arg(long, value_name = "S", help_heading = "Run")]
    seed: Option<String>,
    /// Independent repetitions, for intervals
    #[arg(long, value_name = "N", help_heading = "Run", conflicts_with = "precision")]
    pub(super) replications: Option<String>,
    /// Repeat until intervals are this narrow, e.g. `5%`; of a plan those that decide, no others
    #[arg(long, value_name = "SHARE", help_heading = "Run")]
    pub(super) precision: Option<String>,
    /// What must be that narrow, e.g. `mean,p99`; the objectives when not given
    #[arg(long, value_name = "MEASURES", help_heading = "Run", value_delimiter = ',')]
    pub(super) precision_of: Vec<String>,
    /// The most replications that `--precision` may take
    #[arg(long, value_name = "N", help_heading = "Run")]
    pub(super) max_replications: Option<String>,
    /// Whether replications of a trace vary its traffic: `blocks` or `none`
    #[arg(long, value_name = "HOW", help_heading = "Run")]
    resample: Option<String>,
    /// Threads to use; results do not depend on it
    #[arg(long, value_name = "N", help_heading = "Run",
          value_parser = clap::value_parser!(u16).range(1..))]
    pub(super) threads: Option<u16>,
    /// An objective, e.g. `p99<250ms`; may be repeated
    #[arg(long, value_name = "EXPR", help_heading = "Run")]
    slo: Vec<String>,
    /// Set any field of the scenario, e.g. `balancer.queue=shared` or, for a traffic file,
    /// `pool.main.speed=2`; may be repeated
    #[arg(long, value_name = "PATH=VALUE", help_heading = "Run")]
    set: Vec<String>,

    /// A folder for the results: JSON, CSV, charts
    #[arg(long, value_name = "DIR", help_heading = "Output")]
    pub(super) out: Option<PathBuf>,
    /// How to print the result
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t, help_heading = "Output")]
    pub(super) format: Format,
    /// No progress on standard error
    #[arg(long, short, help_heading = "Output")]
    pub(super) quiet: bool,
}

/// A flag that names a policy, with all it names.
#[derive(Clone, Copy)]
pub(super) struct Policies<'a> {
    pub(super) flag: &'static str,
    pub(super) path: &'static str,
    pub(super) specs: &'a [String],
}

impl Common {
    /// The flags as settings of the document.
    pub(super) fn overlay(&self) -> Result<Overlay, Problem> {
        let mut overlay = self.overlay_without_policies()?;
        if let (true, Some(spec)) = (overlay.has_autoscaler(), self.autoscaler.first()) {
            return Err(Problem::new("the manifest has an autoscaler, and this is a second")
                .help("leave one out, or hold both against each other with `plimsoll compare`")
                .at(&Origin::whole("--autoscaler", spec)));
        }
        for policy in self.policies() {
            if let [_, second, ..] = policy.specs {
                let kind = &policy.flag[2..];
                return Err(Problem::new(format!("one run has one {kind}"))
                    .help("hold several against each other with `plimsoll compare`")
                    .at(&Origin::whole(policy.flag, second)));
            }
            policy.specs.iter().for_each(|spec| overlay.set(policy.flag, policy.path, spec));
        }
        Ok(overlay)
    }

    /// The policies of which `compare` takes several.
    pub(super) fn policies(&self) -> [Policies<'_>; 2] {
        let of = |flag, path, specs| Policies { flag, path, specs };
        [
            of("--balancer", "balancer.policy", self.balancer.as_slice()),
            of("--autoscaler", "pool.*.autoscaler", self.autoscaler.as_slice()),
        ]
    }

    /// The flags but for those that `compare` makes variants of.
    pub(super) fn overlay_without_policies(&self) -> Result<Overlay, Problem> {
        let mut overlay = Overlay::default();
        if let Some(reading) = self.manifests()? {
            overlay.set_manifests(reading);
        }
        let flags = [
            // Which limits and orders there are depends on where requests wait, so that comes
            // first.
            ("--queue", "balancer.queue", &self.queue),
            ("--servers", "pool.*.servers", &self.servers),
            ("--slots", "pool.*.slots", &self.slots),
            ("--speed", "pool.*.speed", &self.speed),
            ("--price", "pool.*.price", &self.price),
            ("--queue-limit", "pool.*.queue-limit", &self.queue_limit),
            ("--discipline", "pool.*.discipline", &self.discipline),
            ("--discipline", "balancer.discipline", &self.discipline),
            ("--service", "traffic.*.service", &self.service),
            ("--spread", "traffic.*.spread", &self.spread),
            ("--rate-scale", "traffic.*.rate-scale", &self.rate_scale),
            ("--speed-up", "traffic.*.speed-up", &self.speed_up),
            ("--window", "traffic.*.window", &self.window),
            ("--duration", "run.duration", &self.duration),
            ("--warm-up", "run.warm-up", &self.warm_up),
            ("--seed", "seed", &self.seed),
            ("--replications", "run.replications", &self.replications),
            ("--precision", "run.precision", &self.precision),
            ("--max-replications", "run.max-replications", &self.max_replications),
            ("--resample", "run.resample", &self.resample),
        ];
        for (flag, path, word) in flags {
            if let Some(word) = word {
                overlay.set(flag, path, word);
            }
        }
        if !self.precision_of.is_empty() {
            let words: Vec<String> = self.precision_of.iter().map(|w| format!("{w:?}")).collect();
            overlay.set("--precision-of", "run.precision-of", &format!("[{}]", words.join(", ")));
        }
        self.reading.lay_over(&mut overlay)?;
        for (number, objective) in self.slo.iter().enumerate() {
            overlay.set("--slo", format!("slo.flag-{}.objective", number + 1), objective);
        }
        for pair in &self.set {
            overlay.set_pair("--set", pair)?;
        }
        Ok(overlay)
    }

    /// What the manifests say.
    fn manifests(&self) -> Result<Option<Manifests>, Problem> {
        if self.manifest.is_empty() {
            return Ok(None);
        }
        let mut names = Names::default();
        for pair in &self.metric {
            names.add("--metric", pair)?;
        }
        let mut documents = Vec::new();
        for path in &self.manifest {
            let name = path.display().to_string();
            let place = Origin::whole("--manifest", name.clone());
            let text = std::fs::read_to_string(path).map_err(|error| match error.kind() {
                std::io::ErrorKind::NotFound => no_such_file(path).at(&place),
                _ => Problem::new(format!("cannot read `{name}`: {error}")).at(&place),
            })?;
            let before = documents.len();
            documents.extend(Node::from_yaml(&name, &text)?);
            if documents.len() == before {
                return Err(Problem::new(format!("`{name}` holds no manifest")).at(&place));
            }
        }
        Manifests::of(&documents, &names).map(Some)
    }

    /// The scenario that the input and the flags describe.
    pub(super) fn scenario(&self) -> Result<Scenario, Problem> {
        Scenario::read(&Input::of(&self.input), &self.overlay()?)
    }
}

/// Removes from the folder what an earlier run left there, and says so. The results are there by
/// now: where that fails, they are printed all the same.
pub(super) fn settle(folder: &Folder, quiet: bool) {
    tell(folder, folder.settle(), quiet);
}

/// Writes down what was written to the folder. What was written is there all the same where that
/// fails: a later run then leaves it alone.
pub(super) fn note(folder: &Folder) {
    if let Err(problem) = folder.note() {
        anstream::eprintln!("{}", problem.message());
    }
}

/// Says what became of the files of an earlier run.
pub(super) fn tell(folder: &Folder, left: Result<Leftovers, Problem>, quiet: bool) {
    let left = match left {
        Ok(left) => left,
        Err(problem) => {
            anstream::eprintln!("{}; nothing of an earlier run is removed", problem.message());
            return;
        }
    };
    let shown = folder.path().display();
    let listed = |names: &[String]| {
        let more = names.len().saturating_sub(4);
        let some = names[..names.len() - more].join(", ");
        if more == 0 { some } else { format!("{some} and {more} more") }
    };
    if quiet {
        return;
    }
    if !left.removed.is_empty() {
        let files = listed(&left.removed);
        anstream::eprintln!("removed from `{shown}` what an earlier run left: {files}");
    }
    if !left.kept.is_empty() {
        anstream::eprintln!("still in `{shown}`, but not from this run: {}", listed(&left.kept));
    }
}
