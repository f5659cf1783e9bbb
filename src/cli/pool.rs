//! The command `pool`.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Instant;

use anstyle::AnsiColor;

use super::arguments::{
    PoolArguments, PoolCommand, PoolDrainArguments, PoolFillArguments, PoolKindArguments,
    TargetsArguments, TenantKindArguments,
};
use super::failure::CommandError;
use super::ignored;
use super::lines::{
    Counts, Line, PoolDrainCounts, PoolFillCounts, PoolStatusCounts, SparesLine, StrayLine,
};
use super::output::Output;
use super::progress::Progress;
use super::provision::check_citus;
use super::render::render_options;
use super::report::{build_report, signal_exit_code};
use super::servers::{Servers, at};
use super::session::Session;
use super::snapshot_file;
use crate::exit;
use crate::fleet::bulk::{
    Bulk, BulkOptions, BulkResult, BulkTarget, ServerCapacity, TenantRequest,
};
use crate::fleet::pool::{PoolObstacle, Spares, SparesToDrain, begin_fill, drain, status};
use crate::tenant::{ProvisionError, ProvisionOptions, Provisioner, Retries};
use crate::text::{duration, plural, safe, swrite};

/// Number of digits of a fingerprint that are shown.
const SHOWN: usize = 12;

pub(super) async fn run(session: &Session, arguments: PoolArguments) -> Result<u8, CommandError> {
    match arguments.command {
        PoolCommand::Fill(arguments) => fill(session, arguments).await,
        PoolCommand::Status(arguments) => tell(session, &arguments).await,
        PoolCommand::Drain(arguments) => empty(session, &arguments).await,
    }
}

/// The servers, and a provisioner for the snapshot on each.
struct Pools {
    servers: Servers,
    provisioners: Vec<Provisioner>,
}

impl Pools {
    async fn find(
        session: &Session,
        what: &TenantKindArguments,
        targets: &TargetsArguments,
    ) -> Result<Self, CommandError> {
        let tool = session.tool()?;
        let path = snapshot_file::find(&tool)?;
        let (servers, snapshot) =
            tokio::join!(Servers::find(session, targets, &tool, what.citus), async {
                snapshot_file::load(&path, session)
            });
        let snapshot = Arc::new(snapshot?);
        let servers = servers?;
        servers.refuse_shared(session).await?;
        let retries = Retries {
            attempts: 8,
            ..Retries::default()
        };
        let options = ProvisionOptions {
            render: render_options(what),
            retries,
            ..ProvisionOptions::default()
        };
        let provisioners = servers.entries().iter().map(|entry| {
            let server = entry.target.server.clone();
            let mut options = options.clone();
            options.render.citus = entry.citus;
            Provisioner::new(server, Arc::clone(&snapshot), options)
        });
        Ok(Self {
            provisioners: provisioners.collect(),
            servers,
        })
    }

    /// Works on one server after the other, until a signal. Returns the results, and the failures.
    async fn each<T>(
        &self,
        session: &Session,
        mut work: impl AsyncFnMut(&Provisioner, Option<&str>) -> Result<T, CommandError>,
    ) -> Result<(Vec<T>, PoolFailures), CommandError> {
        let mut results = Vec::new();
        let mut failures = PoolFailures::default();
        for (index, provisioner) in self.provisioners.iter().enumerate() {
            if session.shutdown.signal().is_some() {
                break;
            }
            let name = self.servers.name(index);
            match work(provisioner, name).await {
                Ok(result) => results.push(result),
                Err(failure) => {
                    failures.code = self.servers.tell_failure(session, index, failure).await?;
                    failures.targets += 1;
                }
            }
        }
        Ok((results, failures))
    }
}

/// The targets whose pool could not be worked on.
#[derive(Debug, Default)]
struct PoolFailures {
    targets: usize,
    code: u8,
}

impl PoolFailures {
    fn for_summary(&self) -> Option<usize> {
        Some(self.targets).filter(|targets| *targets > 0)
    }
}

/// The result of filling one pool.
struct Filled {
    made: usize,
    ready: usize,
    failed: usize,
    code: u8,
    ignored: Vec<String>,
}

async fn fill(session: &Session, arguments: PoolFillArguments) -> Result<u8, CommandError> {
    let tool = session.tool_with_jobs(arguments.jobs)?;
    let jobs = tool.jobs.map(|jobs| jobs.value.get());
    let pools = Pools::find(session, &arguments.what, &arguments.targets).await?;
    // One pool is filled at a time, so that both limits hold for it.
    let total = pools.servers.total_jobs();
    let jobs = jobs.map_or(total, |jobs| {
        Some(total.map_or(jobs, |total| jobs.min(total)))
    });
    let (filled, failures) = pools
        .each(session, async |provisioner, target| {
            fill_one(session, provisioner, target, arguments.size, jobs).await
        })
        .await?;
    let sum = |figure: fn(&Filled) -> usize| filled.iter().map(figure).sum();
    session.summary(Counts::PoolFill(PoolFillCounts {
        made: sum(|filled| filled.made),
        ready: sum(|filled| filled.ready),
        failed: sum(|filled| filled.failed),
        ignored: filled
            .iter()
            .flat_map(|filled| filled.ignored.clone())
            .collect(),
        failed_targets: failures.for_summary(),
    }))?;
    let mut codes = filled.iter().map(|filled| filled.code);
    Ok(match session.shutdown.signal() {
        Some(signal) => signal_exit_code(signal),
        None if failures.targets > 0 => failures.code,
        None => codes.find(|code| *code != exit::DONE).unwrap_or(exit::DONE),
    })
}

async fn fill_one(
    session: &Session,
    provisioner: &Provisioner,
    target: Option<&str>,
    size: usize,
    jobs: Option<usize>,
) -> Result<Filled, CommandError> {
    let start = Instant::now();
    let output = session.output;
    if provisioner.options().render.citus {
        let mut psql = provisioner.session();
        let room = ServerCapacity::query(&mut psql, &session.shutdown).await;
        psql.close().await;
        let room = room.map_err(|error| ProvisionError::Run(Box::new(error)))?;
        check_citus(&session.shutdown, provisioner, target, &room).await?;
    }
    let filling = begin_fill(provisioner, size, &session.shutdown).await?;
    ignored::say(output, &filling.ignored);
    if let Some(objects) = filling.proven {
        output.say(&format!(
            "proven{}: a claimed spare is a tenant, {objects} objects equal",
            at(target)
        ));
    }
    let before = filling.before.ready();
    let mut names = filling.names()?.into_iter();
    let options = BulkOptions {
        jobs,
        ..BulkOptions::default()
    };
    let bulk_target = BulkTarget {
        name: target.unwrap_or_default().to_owned(),
        provisioner: filling.provisioner.clone(),
    };
    let mut bulk = Bulk::new(vec![bulk_target], options);
    let mut made = 0;
    let mut failed = 0;
    let mut code = exit::DONE;
    if filling.missing > 0 {
        for room in bulk.prepare(&session.shutdown).await {
            match room {
                Ok(_) | Err(ProvisionError::Run(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        let progress = Progress::new(session, Some(filling.missing));
        let mut on_done = |done: BulkResult| {
            match done.result {
                Ok(_) => made += 1,
                Err(ProvisionError::PoolFull) => {}
                Err(error) => {
                    let report = build_report(&CommandError::from(error), session.context());
                    (failed, code) = (failed + 1, report.code);
                    output.report(&report);
                }
            }
            progress.done();
            // Spares are all alike: if one fails, all would.
            if failed > 0 {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        };
        let next = async || {
            names
                .next()
                .map(|tenant| TenantRequest { tenant, target: 0 })
        };
        let report = bulk.run(next, &mut on_done, &session.shutdown).await;
        drop(progress);
        for note in &report.notes {
            output.warning(note);
        }
    }
    let ready = before + made;
    if !output.is_json() {
        output.summary(&format!(
            "{made} made, {ready} ready{} ({})",
            at(target),
            duration(start.elapsed())
        ));
    }
    say_others(output, &filling.before.spares);
    Ok(Filled {
        made,
        ready,
        failed,
        code,
        ignored: ignored::texts(&filling.ignored),
    })
}

/// Reports the number of spares that claims with this snapshot cannot take.
fn say_others(output: Output, spares: &[Spares]) {
    let others: usize = spares
        .iter()
        .filter(|group| !group.wanted)
        .map(|group| group.ready)
        .sum();
    if others > 0 {
        let text = plural(others, "spare");
        output.note(&format!(
            "{text} of other snapshots or options; `schemastamp pool drain` drops them"
        ));
    }
}

/// Warns of a pool that this role does not use: its owner could pass off any schema as a spare.
fn say_obstacle(output: Output, obstacle: Option<&PoolObstacle>) {
    match obstacle {
        None => {}
        Some(PoolObstacle::OfAnother { owner }) => output.warning(&format!(
            "the pool belongs to role {}, and this role cannot use it: fill, claim and drain as that role (--role or --username)",
            safe(owner)
        )),
        Some(PoolObstacle::Altered) => output.warning(
            "the pool is not used: schemastamp_pool.spares is not an ordinary table, or has triggers, rules, row-level \
             security or children",
        ),
    }
}

async fn tell(session: &Session, arguments: &PoolKindArguments) -> Result<u8, CommandError> {
    let pools = Pools::find(session, &arguments.what, &arguments.targets).await?;
    let (counts, failures) = pools
        .each(session, async |provisioner, target| {
            tell_one(session, provisioner, target).await
        })
        .await?;
    let sum = |figure: fn(&PoolStatusCounts) -> usize| counts.iter().map(figure).sum();
    session.summary(Counts::PoolStatus(PoolStatusCounts {
        ready: sum(|counts| counts.ready),
        other: sum(|counts| counts.other),
        strays: sum(|counts| counts.strays),
        failed_targets: failures.for_summary(),
    }))?;
    Ok(ended(session, &failures))
}

/// Returns the exit code of a command that went over all pools.
fn ended(session: &Session, failures: &PoolFailures) -> u8 {
    match session.shutdown.signal() {
        Some(signal) => signal_exit_code(signal),
        None if failures.targets > 0 => failures.code,
        None => exit::DONE,
    }
}

async fn tell_one(
    session: &Session,
    provisioner: &Provisioner,
    target: Option<&str>,
) -> Result<PoolStatusCounts, CommandError> {
    let output = session.output;
    let options = &provisioner.options().render;
    let seen = status(
        provisioner.server(),
        provisioner.snapshot(),
        options,
        &session.shutdown,
    )
    .await
    .map_err(crate::fleet::pool::PoolError::from)?;
    say_obstacle(output, seen.obstacle.as_ref());
    for group in &seen.spares {
        let Spares {
            snapshot,
            options,
            owner,
            ready,
            broken,
            oldest,
            wanted,
        } = group;
        if output.is_json() {
            Output::json(&Line::Spares(SparesLine {
                target: target.map(str::to_owned),
                snapshot: snapshot.clone(),
                options: options.clone(),
                owner: owner.clone(),
                ready: *ready,
                broken: *broken,
                oldest: oldest.clone(),
                wanted: *wanted,
            }))?;
            continue;
        }
        let shown = snapshot.get(..SHOWN).unwrap_or(snapshot);
        let mut rest = format!(
            "{} of {}{}",
            plural(*ready, "spare"),
            if *wanted { "this snapshot" } else { shown },
            at(target)
        );
        if let Some(owner) = owner.as_ref().filter(|_| !*wanted) {
            swrite!(rest, " for {}", safe(owner));
        }
        if !options.is_empty() {
            swrite!(rest, ", {}", safe(options));
        }
        if let Some(oldest) = oldest {
            swrite!(rest, ", the oldest from {oldest}");
        }
        if *broken > 0 {
            swrite!(rest, "; {} whose schema is gone", plural(*broken, "row"));
        }
        let (style, word) = if *wanted {
            (AnsiColor::Green.on_default(), "ready")
        } else {
            (AnsiColor::Yellow.on_default(), "other")
        };
        output.result(style, word, &rest)?;
    }
    for stray in &seen.strays {
        if output.is_json() {
            Output::json(&Line::Stray(StrayLine {
                target: target.map(str::to_owned),
                stray: stray.clone(),
            }))?;
        } else {
            output.result(
                AnsiColor::Yellow.on_default(),
                "stray",
                &format!("{stray}{}: in no pool", at(target)),
            )?;
        }
    }
    let count = |wanted| {
        let groups = seen.spares.iter().filter(|group| group.wanted == wanted);
        groups.map(|group| group.ready).sum()
    };
    Ok(PoolStatusCounts {
        ready: count(true),
        other: count(false),
        strays: seen.strays.len(),
        failed_targets: None,
    })
}

async fn empty(session: &Session, arguments: &PoolDrainArguments) -> Result<u8, CommandError> {
    let output = session.output;
    let pools = Pools::find(session, &arguments.what, &arguments.targets).await?;
    let which = if arguments.all {
        SparesToDrain::All
    } else {
        SparesToDrain::Others
    };
    let drain_one = async |provisioner: &Provisioner, target: Option<&str>| {
        let drained = drain(
            provisioner.server(),
            provisioner.snapshot(),
            &provisioner.options().render,
            which,
            &session.shutdown,
        )
        .await
        .map_err(crate::fleet::pool::PoolError::from)?;
        say_obstacle(output, drained.obstacle.as_ref());
        if !output.is_json() {
            let text = plural(drained.dropped, "spare");
            output.summary(&format!("{text} dropped{}", at(target)));
        }
        Ok(drained)
    };
    let (drained, failures) = pools.each(session, drain_one).await?;
    session.summary(Counts::PoolDrain(PoolDrainCounts {
        dropped: drained.iter().map(|drained| drained.dropped).sum(),
        forgotten: drained.iter().map(|drained| drained.forgotten).sum(),
        failed_targets: failures.for_summary(),
    }))?;
    Ok(ended(session, &failures))
}
