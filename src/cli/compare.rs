//! `plimsoll compare INPUT`: several variants on the same requests.

use std::path::{Path, PathBuf};

use super::common::{Common, Format, Policies, note, settle};
use super::progress::{self, Progress};
use super::replay::{command_line, json, status, width};
use super::{Ended, Status, print};
use crate::diagnose::{Origin, Problem, unknown};
use crate::experiment::{Compared, Crew, Pairs, Variant, compare};
use crate::manifest;
use crate::outcome::{Comparison, Estimate, Estimated};
use crate::report::{self, Folder, Results};
use crate::scenario::{Alternative, Input, Overlay};

/// Arguments.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    common: Common,

    /// A variant: `name:path=value,path=value`, or the name of one in the scenario; may be repeated
    #[arg(long, value_name = "SPEC", help_heading = "Comparison")]
    variant: Vec<String>,
    /// Which variant the others are held against; the first when not given
    #[arg(long, value_name = "NAME", help_heading = "Comparison")]
    baseline: Option<String>,
    /// Write the variant that meets the objectives at the least cost as a manifest of Kubernetes
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    write_manifest: Option<PathBuf>,
    /// Hold each variant against each other, not only against the baseline
    #[arg(long, help_heading = "Comparison")]
    all_pairs: bool,
}

pub(super) fn run(args: &Args) -> Ended {
    let common = &args.common;
    let variants = variants(&args.common, &args.variant)?;
    let baseline = baseline(args, &variants)?;
    let folders = folders(common, &variants)?;
    args.write_manifest.as_deref().map_or(Ok(()), can_write)?;
    let crew = Crew::new(common.threads)?;
    progress::mind_interrupts();
    let pairs = if args.all_pairs { Pairs::All } else { Pairs::WithBaseline };
    let watch = Progress::of_runs(common.quiet);
    let compared = compare(&variants, baseline, pairs, &crew, &watch).inspect_err(|_| {
        if let Some((folder, each)) = &folders {
            each.iter().for_each(|inner| folder.give_up(inner));
        }
    })?;
    drop(watch);
    let comparison = match compared {
        Compared::Whole(comparison) => comparison,
        Compared::Cut(outcome) => {
            // It is the first variant's, and what is done is written.
            if let Some((folder, each)) = &folders
                && let Some((first, others)) = each.split_first()
            {
                first.write_outcome(&outcome)?;
                note(first);
                others.iter().for_each(|inner| folder.give_up(inner));
                note(folder);
            }
            print(&match common.format {
                Format::Table => report::table(&outcome, width()),
                Format::Json => json(&outcome),
                Format::Csv => report::csv(std::slice::from_ref(&*outcome)),
                Format::Markdown => {
                    report::markdown::of_run(&Results::of_numbers(&*outcome, command_line()))
                }
            })?;
            return Ok(Status::Interrupted);
        }
    };
    if let Some((folder, each)) = &folders {
        folder.write_comparison(&comparison, &command_line())?;
        for (folder, outcome) in each.iter().zip(&comparison.variants) {
            folder.write_outcome(outcome)?;
            settle(folder, common.quiet);
        }
        settle(folder, common.quiet);
    }
    print(&match common.format {
        Format::Table => report::comparison(&comparison, width()),
        Format::Json => json(&comparison),
        Format::Csv => report::comparison_csv(&comparison),
        Format::Markdown => report::markdown::of_comparison(&comparison, &command_line()),
    })?;
    if let Some(path) = &args.write_manifest {
        write_manifest(path, &comparison, common.quiet)?;
    }
    Ok(if comparison.partial { Status::Interrupted } else { best_of(&comparison.variants) })
}

/// What is compared: the flags, else the scenario as it stands with each variant that it names.
pub(super) fn variants(common: &Common, named: &[String]) -> Result<Vec<Variant>, Problem> {
    let (mut document, folder) = Input::of(&common.input).document()?;
    let mut overlay = common.overlay_without_policies()?;
    let scaled = overlay.has_autoscaler();
    for policy in common.policies().iter().filter(|it| it.specs.len() == 1 && !adds(it, scaled)) {
        overlay.set(policy.flag, policy.path, &policy.specs[0]);
    }
    overlay.apply(&mut document)?;
    let policies = of_policies(common, scaled);
    let mut all = Vec::new();
    for text in named {
        all.push(Alternative::parse("--variant", text, &document)?);
    }
    if policies.is_empty() {
        if all.is_empty() {
            all = Alternative::all_of(&document)?;
        }
        all.insert(0, Alternative::as_it_stands());
    }
    all.splice(0..0, policies);
    let scenario = |alternative: &Alternative| -> Result<Variant, Problem> {
        let mut scenario = alternative.scenario(&document, &folder)?;
        scenario.remarks.extend_from_slice(overlay.remarks());
        Ok(Variant { name: alternative.name.clone(), scenario })
    };
    let variants = all.iter().map(scenario).collect::<Result<Vec<_>, _>>()?;
    keep_standard_input(&variants)?;
    Ok(variants)
}

/// Whether the policies of a flag stand beside the autoscaler of a manifest.
fn adds(policy: &Policies<'_>, scaled: bool) -> bool {
    scaled && policy.flag == "--autoscaler" && !policy.specs.is_empty()
}

/// A variant for each policy of a flag that names several; of two such flags, for each pair. The
/// autoscaler of a manifest is one more, the first.
fn of_policies(common: &Common, scaled: bool) -> Vec<Alternative> {
    let mut all: Vec<(String, Overlay)> = Vec::new();
    let several = |policy: &&Policies<'_>| policy.specs.len() > 1 || adds(policy, scaled);
    for policy in common.policies().iter().filter(several) {
        let before = if all.is_empty() { vec![(String::new(), Overlay::default())] } else { all };
        let extended = |(name, overlay): &(String, Overlay)| -> Vec<(String, Overlay)> {
            let with = |spec: &String| {
                let mut overlay = overlay.clone();
                overlay.set(policy.flag, policy.path, spec);
                let both = format!("{name} {spec}");
                (both.trim_start().to_owned(), overlay)
            };
            let own = adds(policy, scaled).then(|| {
                let both = format!("{name} manifest");
                (both.trim_start().to_owned(), overlay.clone())
            });
            own.into_iter().chain(policy.specs.iter().map(with)).collect()
        };
        all = before.iter().flat_map(extended).collect();
    }
    all.into_iter().map(|(name, overlay)| Alternative::of_flags(&name, overlay)).collect()
}

/// Standard input can be read only once, so the first variant keeps it for all.
fn keep_standard_input(variants: &[Variant]) -> Result<(), Problem> {
    let Some((first, others)) = variants.split_first() else { return Ok(()) };
    for (name, traffic) in &first.scenario.traffic {
        traffic.keep()?;
        let same = others.iter().filter_map(|other| other.scenario.traffic.get(name));
        same.for_each(|other| other.keep_like(traffic));
    }
    Ok(())
}

fn baseline(args: &Args, variants: &[Variant]) -> Result<usize, Problem> {
    let Some(name) = &args.baseline else { return Ok(0) };
    let names: Vec<&str> = variants.iter().map(|variant| variant.name.as_str()).collect();
    names.iter().position(|known| known == name).ok_or_else(|| {
        unknown("variant", name, &names).at(&Origin::whole("--baseline", name.clone()))
    })
}

/// The folder of the comparison and those of its variants, made before the long run starts.
fn folders(
    common: &Common,
    variants: &[Variant],
) -> Result<Option<(Folder, Vec<Folder>)>, Problem> {
    let Some(path) = &common.out else { return Ok(None) };
    let folder = Folder::create(path)?;
    let names: Vec<&str> = variants.iter().map(|variant| variant.name.as_str()).collect();
    let each =
        report::file_names(&names).iter().map(|name| folder.inner(name)).collect::<Result<_, _>>();
    Ok(Some((folder, each?)))
}

/// Makes sure, before the long run, that a file can be written where it is wanted.
fn can_write(path: &Path) -> Result<(), Problem> {
    let existed = path.exists();
    let opened = std::fs::OpenOptions::new().create(true).append(true).open(path).map(drop);
    let cleared = if existed { opened } else { opened.and_then(|()| std::fs::remove_file(path)) };
    cleared.map_err(|error| cannot_write(path, &error))
}

fn cannot_write(path: &Path, error: &std::io::Error) -> Problem {
    let path = path.display().to_string();
    Problem::new(format!("cannot write `{path}`: {error}"))
        .at(&Origin::whole("--write-manifest", path))
}

/// Writes the cheapest of the variants that meet every objective as a manifest.
fn write_manifest(path: &Path, comparison: &Comparison, quiet: bool) -> Result<(), Problem> {
    let met = |outcome: &&Estimated| outcome.slo.iter().all(|objective| objective.met);
    let cost = |outcome: &Estimated| {
        let of = |estimate: &Estimate| estimate.estimate.unwrap_or(f64::INFINITY);
        // Without prices the fewest server-hours are the least cost.
        (of(&outcome.cost.total), of(&outcome.servers.hours))
    };
    let better = |a: &&Estimated, b: &&Estimated| {
        let (a, b) = (cost(a), cost(b));
        a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1))
    };
    let place = Origin::whole("--write-manifest", path.display().to_string());
    let Some(chosen) = comparison.variants.iter().filter(met).min_by(better) else {
        anstream::eprintln!(
            "no variant meets every objective: `{}` is not written",
            path.display()
        );
        return Ok(());
    };
    let pools = chosen.scenario["pool"].as_object();
    let all: Vec<String> = pools
        .into_iter()
        .flatten()
        .map(|(name, pool)| manifest::of_pool(name, pool))
        .collect::<Result<_, _>>()
        .map_err(|problem| problem.at(&place))?;
    std::fs::write(path, all.join("---\n")).map_err(|error| cannot_write(path, &error))?;
    if !quiet {
        anstream::eprintln!("`{}` says what the variant `{}` is", path.display(), chosen.name);
    }
    Ok(())
}

/// Objectives are met if one variant meets them all; the comparison is there to find it.
pub(super) fn best_of(variants: &[Estimated]) -> Status {
    let each: Vec<Status> = variants.iter().map(|outcome| status(false, &outcome.slo)).collect();
    best(&each)
}

/// The best that any of several runs came to.
pub(super) fn best(each: &[Status]) -> Status {
    [Status::Done, Status::Inconclusive]
        .into_iter()
        .find(|status| each.contains(status))
        .unwrap_or(Status::No)
}
