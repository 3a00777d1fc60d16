//! `plimsoll compare INPUT`: several variants on the same requests.

use super::common::{Common, Format};
use super::progress::{self, Progress};
use super::replay::{command_line, json, status, width};
use super::{Ended, Status, print};
use crate::diagnose::{Origin, Problem, unknown};
use crate::experiment::{Compared, Crew, Pairs, Variant, compare};
use crate::outcome::Comparison;
use crate::report::{self, Folder};
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
    /// Hold each variant against each other, not only against the baseline
    #[arg(long, help_heading = "Comparison")]
    all_pairs: bool,
}

pub(super) fn run(args: &Args) -> Ended {
    let common = &args.common;
    let variants = variants(args)?;
    let baseline = baseline(args, &variants)?;
    let folders = folders(common, &variants)?;
    let crew = Crew::new(common.threads)?;
    progress::mind_interrupts();
    let pairs = if args.all_pairs { Pairs::All } else { Pairs::WithBaseline };
    let watch = Progress::of_runs(common.quiet);
    let compared = compare(&variants, baseline, pairs, &crew, &watch)?;
    drop(watch);
    let comparison = match compared {
        Compared::Whole(comparison) => comparison,
        Compared::Cut(outcome) => {
            print(&match common.format {
                Format::Table => report::table(&outcome, width()),
                Format::Json => json(&outcome),
                Format::Csv => report::csv(std::slice::from_ref(&*outcome)),
                Format::Markdown => report::markdown::of_data(std::slice::from_ref(&*outcome)),
            })?;
            return Ok(Status::Interrupted);
        }
    };
    if let Some((folder, each)) = &folders {
        folder.write_comparison(&comparison, &command_line())?;
        for (folder, outcome) in each.iter().zip(&comparison.variants) {
            folder.write_outcome(outcome)?;
        }
    }
    print(&match common.format {
        Format::Table => report::comparison(&comparison, width()),
        Format::Json => json(&comparison),
        Format::Csv => report::comparison_csv(&comparison),
        Format::Markdown => report::markdown::of_comparison(&comparison, &command_line()),
    })?;
    Ok(best_of(&comparison))
}

/// What is compared: the flags, else the scenario as it stands with each variant that it names.
fn variants(args: &Args) -> Result<Vec<Variant>, Problem> {
    let common = &args.common;
    let (mut document, folder) = Input::of(&common.input).document()?;
    let several = common.balancer.len() > 1;
    let overlay = if several { common.overlay_without_policies()? } else { common.overlay()? };
    overlay.apply(&mut document)?;
    let mut all = Vec::new();
    for text in &args.variant {
        all.push(Alternative::parse("--variant", text, &document)?);
    }
    if several {
        let flags = common.balancer.iter().map(|spec| {
            let mut overlay = Overlay::default();
            overlay.set("--balancer", "balancer.policy", spec);
            Alternative::of_flags(spec, overlay)
        });
        all.splice(0..0, flags);
    } else {
        if all.is_empty() {
            all = Alternative::all_of(&document)?;
        }
        all.insert(0, Alternative::as_it_stands());
    }
    let scenario = |alternative: &Alternative| -> Result<Variant, Problem> {
        let scenario = alternative.scenario(&document, &folder)?;
        Ok(Variant { name: alternative.name.clone(), scenario })
    };
    let variants = all.iter().map(scenario).collect::<Result<Vec<_>, _>>()?;
    keep_standard_input(&variants)?;
    Ok(variants)
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
    let plain = |letter: char| if letter.is_alphanumeric() || letter == '.' { letter } else { '-' };
    let mut names: Vec<String> = Vec::new();
    for variant in variants {
        let mut name: String = variant.name.chars().map(plain).collect();
        if names.contains(&name) || name.chars().all(|letter| letter == '.') {
            name = format!("{name}-{}", names.len());
        }
        names.push(name);
    }
    let each = names.iter().map(|name| Folder::create(&path.join(name)));
    Ok(Some((folder, each.collect::<Result<_, _>>()?)))
}

/// Objectives are met if one variant meets them all; the comparison is there to find it.
fn best_of(comparison: &Comparison) -> Status {
    if comparison.partial {
        return Status::Interrupted;
    }
    let each: Vec<Status> =
        comparison.variants.iter().map(|outcome| status(false, &outcome.slo)).collect();
    [Status::Done, Status::Inconclusive]
        .into_iter()
        .find(|status| each.contains(status))
        .unwrap_or(Status::No)
}
