//! `plimsoll plan INPUT`: the cheapest fleet that meets the objectives.

use super::common::{Common, Format, settle};
use super::progress::{self, Progress};
use super::replay::{command_line, json, width};
use super::{Ended, Status, print};
use crate::diagnose::{Origin, Problem};
use crate::experiment::{Ask, Crew, Survive, plan};
use crate::outcome::{Answer, Plan};
use crate::report::{self, Folder};
use crate::scenario::{Resample, Scenario};
use crate::time::Duration;
use crate::units::{Price, Share};

/// Arguments.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    common: Common,

    /// Meet the objectives even without so many servers (`1`), one zone of those that pools stand
    /// in (`zone`), or one of three with an even share each (`zone/3`)
    #[arg(long, value_name = "LOSS", help_heading = "Plan")]
    survive: Option<String>,
    /// The most the fleet may cost, e.g. `20/h`
    #[arg(long, value_name = "PRICE", help_heading = "Plan")]
    budget: Option<String>,
    /// Plan for the busiest stretch of the trace of this length, e.g. `10m`
    #[arg(long, value_name = "SPAN", help_heading = "Plan")]
    peak: Option<String>,
    /// How far the forecast of the load may be off: its coefficient of variation
    #[arg(long, value_name = "SHARE", default_value = "10%", help_heading = "Plan")]
    forecast_cv: String,
    /// Turn the question round: how much traffic does the fleet as it is carry?
    #[arg(long, help_heading = "Plan")]
    max_rate: bool,
}

impl Args {
    fn ask(&self) -> Result<Ask, Problem> {
        fn read<T>(
            flag: &str,
            word: Option<&String>,
            parse: impl Fn(&str) -> Result<T, String>,
        ) -> Result<Option<T>, Problem> {
            let at = |word: &String| {
                parse(word).map_err(|why| Problem::new(why).at(&Origin::whole(flag, word)))
            };
            word.map(at).transpose()
        }
        let common = &self.common;
        let cv = read("--forecast-cv", Some(&self.forecast_cv), Share::parse)?;
        let peak = read("--peak", self.peak.as_ref(), Duration::parse)?;
        if peak == Some(Duration::ZERO) {
            return Err(Problem::new("`--peak` must be longer than 0s").help("write e.g. `10m`"));
        }
        Ok(Ask {
            survive: read("--survive", self.survive.as_ref(), Survive::parse)?,
            budget: read("--budget", self.budget.as_ref(), Price::parse)?,
            peak,
            forecast_cv: cv.map_or(0.1, |share| share.0),
            max_rate: self.max_rate,
            replications: read("--replications", common.replications.as_ref(), count)?,
            length: read("--duration", common.duration.as_ref(), Duration::parse)?,
        })
    }

    /// Refuses flags that would say nothing to a plan of this scenario.
    fn check(&self, scenario: &Scenario) -> Result<(), Problem> {
        let common = &self.common;
        if let Some(measure) = common.precision_of.first() {
            return Err(Problem::new("a plan is as precise as its objectives ask for")
                .help("leave `--precision-of` out; `--slo` says what must hold")
                .at(&Origin::whole("--precision-of", measure)));
        }
        if let Some(most) = &common.max_replications {
            return Err(Problem::new("a plan ends by how close it is asked to look")
                .help("`--precision 5%` looks less closely, `--replications 20` takes so many runs")
                .at(&Origin::whole("--max-replications", most)));
        }
        let resampled = !scenario.is_drawn() && scenario.run.resample != Resample::None;
        match &common.precision {
            Some(precision) if resampled => Err(Problem::new(
                "more runs do not tell more of a recorded trace: its intervals speak of other \
                 traffic of its kind",
            )
            .help("leave `--precision` out, or ask about this trace alone with `--resample none`")
            .at(&Origin::whole("--precision", precision))),
            _ => Ok(()),
        }
    }
}

fn count(word: &str) -> Result<u32, String> {
    word.parse().map_err(|_| format!("`{word}` is not a number of replications: write e.g. `30`"))
}

pub(super) fn run(args: &Args) -> Ended {
    let common = &args.common;
    let ask = args.ask()?;
    let scenario = common.scenario()?;
    args.check(&scenario)?;
    let folder = common.out.as_deref().map(Folder::create).transpose()?;
    let crew = Crew::new(common.threads)?;
    progress::mind_interrupts();
    let watch = Progress::of_runs(common.quiet);
    let found = plan(&scenario, &ask, &crew, &watch)?;
    drop(watch);
    if let Some(folder) = &folder {
        folder.write_plan(&found, &command_line())?;
        settle(folder, common.quiet);
    }
    print(&match common.format {
        Format::Table => report::plan(&found, width()),
        Format::Json => json(&found),
        Format::Csv => report::plan_csv(&found),
        Format::Markdown => report::plan_markdown(&found),
    })?;
    Ok(status(&found))
}

pub(super) fn status(plan: &Plan) -> Status {
    if plan.partial { Status::Interrupted } else { answered(plan.verdict) }
}

fn answered(verdict: Answer) -> Status {
    match verdict {
        Answer::Met => Status::Done,
        Answer::Unmet => Status::No,
        Answer::Undecided => Status::Inconclusive,
    }
}
