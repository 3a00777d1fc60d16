//! `plimsoll theory MODEL …`: closed forms, a subcommand for each model with its own parameters.

use std::collections::BTreeMap;

use clap::{Arg, ArgAction, ArgMatches, Command, FromArgMatches, error::ErrorKind};

use super::common::Format;
use super::{Ended, Status, print};
use crate::diagnose::{Origin, Problem};
use crate::report;
use crate::report::text::{digits, percent, time_or_dash};
use crate::theory::{Answer, MODELS, Model, Need, Parameter, Percentiles, Unit};
use crate::time::Duration;
use crate::units::{Rate, Share};

/// Which model, its parameters as they were written, and how to print the answer.
#[derive(Debug)]
pub(super) struct Args {
    model: &'static Model,
    words: BTreeMap<&'static str, String>,
    format: Format,
}

/// The short cuts of the literature: each stands for a parameter, two of them after a division.
const MU: &str = "mu";
const RHO: &str = "load";

impl clap::Args for Args {
    fn augment_args(command: Command) -> Command {
        command
            .subcommand_required(true)
            .subcommand_value_name("MODEL")
            .subcommand_help_heading("Models")
            .disable_help_subcommand(true)
            .after_help("Times and rates take units (`50ms`, `120/s`); bare numbers are seconds.")
            .subcommands(MODELS.iter().map(subcommand))
    }
    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

fn subcommand(model: &'static Model) -> Command {
    let mut command = Command::new(model.name).about(model.title).long_about(model.doc);
    for parameter in model.params {
        command = command.arg(argument(parameter));
    }
    let has = |name: &str| model.params.iter().any(|parameter| parameter.name == name);
    if has("service-mean") {
        let help = "service rate: the inverse of --service-mean";
        command = command.arg(number(MU).help(help).conflicts_with("service-mean"));
    }
    if has("arrival-rate") && has("service-mean") {
        let help = "offered load of each server, instead of --arrival-rate";
        let arg = number(RHO).visible_alias("rho").help(help).conflicts_with("arrival-rate");
        command = command.arg(arg);
    }
    let format = Arg::new("format").long("format").help("How to print the answer");
    command.arg(format.value_parser(clap::builder::EnumValueParser::<Format>::new()))
}

fn number(name: &'static str) -> Arg {
    Arg::new(name).long(name).value_name("X").action(ArgAction::Set).allow_negative_numbers(true)
}

fn argument(parameter: &Parameter) -> Arg {
    let default = match parameter.need {
        Need::Required => String::new(),
        Need::Default(value) => format!(" [default: {value}]"),
        Need::Optional => " [optional]".to_owned(),
    };
    let arg = number(parameter.name).help(format!("{}{default}", parameter.meaning));
    match parameter.name {
        "arrival-rate" => arg.visible_alias("lambda").alias("rate"),
        "servers" => arg.visible_alias("slots").short('c'),
        _ => arg,
    }
}

impl FromArgMatches for Args {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let found = matches.subcommand().and_then(|(name, matches)| {
            Some((MODELS.iter().find(|model| model.name == name)?, matches))
        });
        let Some((model, matches)) = found else {
            return Err(clap::Error::raw(ErrorKind::MissingSubcommand, "which model?\n"));
        };
        let names = model.params.iter().map(|parameter| parameter.name).chain([MU, RHO]);
        let words = names.filter_map(|name| {
            let word = matches.try_get_one::<String>(name).ok().flatten()?;
            Some((name, word.clone()))
        });
        let format = matches.get_one::<Format>("format").copied().unwrap_or_default();
        Ok(Self { model, words: words.collect(), format })
    }
    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

pub(super) fn run(args: &Args) -> Ended {
    let answer = args.model.answer(&parameters(args)?).map_err(|refusal| {
        Problem::new(refusal.to_string())
            .help(format!("`plimsoll theory {} --help` tells its parameters", args.model.name))
    })?;
    let text = match args.format {
        Format::Json => {
            let mut object = serde_json::json!({ "schema": "plimsoll.theory/1" });
            let fields = serde_json::to_value(&answer).expect("an answer is plain data");
            if let (Some(object), serde_json::Value::Object(fields)) =
                (object.as_object_mut(), fields)
            {
                object.extend(fields);
            }
            serde_json::to_string_pretty(&object).expect("an object of numbers") + "\n"
        }
        Format::Csv => report::csv(std::slice::from_ref(&answer)),
        Format::Markdown => report::markdown::of_data(std::slice::from_ref(&answer)),
        Format::Table => table(args.model, &answer),
    };
    print(&text)?;
    Ok(Status::Done)
}

fn parameters(args: &Args) -> Result<BTreeMap<String, f64>, Problem> {
    let mut values = BTreeMap::new();
    for (&name, word) in &args.words {
        let parameter = args.model.params.iter().find(|parameter| parameter.name == name);
        let unit = parameter.map_or(Unit::Number, |parameter| parameter.unit);
        let value = read(word, unit)
            .map_err(|why| Problem::new(why).at(&Origin::whole(format!("--{name}"), word)))?;
        values.insert(name.to_owned(), value);
    }
    if let Some(rate) = values.remove(MU) {
        values.insert("service-mean".to_owned(), 1.0 / rate);
    }
    if let Some(load) = values.remove(RHO) {
        let service = values.get("service-mean").copied().ok_or_else(|| {
            Problem::new("--load needs the service time").help("add --service-mean or --mu")
        })?;
        let servers = values.get("servers").copied().unwrap_or(1.0);
        values.insert("arrival-rate".to_owned(), load * servers / service);
    }
    Ok(values)
}

/// Closed forms do not care what a unit of time is, so a bare number may stand for any.
fn read(word: &str, unit: Unit) -> Result<f64, String> {
    if let Ok(number) = word.trim().parse::<f64>() {
        return Ok(number);
    }
    match unit {
        Unit::Rate => Rate::parse(word).map(|rate| rate.0),
        Unit::Time => Duration::parse(word).map(Duration::as_secs_f64),
        Unit::Share => Share::parse(word).map(|share| share.0),
        Unit::Count | Unit::Number => Err(format!("`{word}` is not a number")),
    }
}

fn table(model: &Model, answer: &Answer) -> String {
    let mut text = format!("{}\n\n", model.title);
    let times: Vec<_> = [("latency", &answer.latency_s), ("wait", &answer.wait_s)]
        .into_iter()
        .filter_map(|(name, times)| Some((name, times.as_ref()?)))
        .collect();
    if !times.is_empty() {
        let head = ["", "mean", "p50", "p90", "p95", "p99", "p99.9"];
        text.push_str(&row(&head.map(str::to_owned)));
        for (name, times) in times {
            let Percentiles { mean, p50, p90, p95, p99, p999 } = *times;
            let mut cells = vec![name.to_owned()];
            cells.extend([mean, p50, p90, p95, p99, p999].map(time_or_dash));
            text.push_str(&row(&cells));
        }
        text.push('\n');
    }
    let facts = [
        ("utilization", answer.utilization.map(percent)),
        ("probability of waiting", answer.wait_probability.map(percent)),
        ("probability of refusal", answer.blocking_probability.map(percent)),
        ("probability of giving up", answer.abandonment_probability.map(percent)),
        ("waiting on average", answer.queue_mean.map(digits)),
        ("in system on average", answer.in_system_mean.map(digits)),
        ("throughput", answer.throughput.map(|rate| format!("{} /s", digits(rate)))),
        ("batch size on average", answer.batch_mean.map(digits)),
        ("servers", answer.servers.map(digits)),
        ("servers starting", answer.servers_starting.map(digits)),
    ];
    for (name, value) in facts {
        if let Some(value) = value {
            text.push_str(&format!("{name:<25} {value}\n"));
        }
    }
    text
}

fn row(cells: &[String]) -> String {
    let aligned = cells.iter().enumerate().map(|(at, cell)| match at {
        0 => format!("{cell:<8}"),
        _ => format!("{cell:>9}"),
    });
    aligned.collect::<Vec<_>>().join("  ").trim_end().to_owned() + "\n"
}
