//! The command `pool`.

use std::future::Future;
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
use crate::fleet::pool::{
    Filling, PoolError, PoolObstacle, PoolStatus, Spares, SparesToDrain, begin_fill, drain, status,
};
use crate::fleet::{RunLimits, RunShare, Selection, TenantSelection, WorkObserver as _};
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

    /// Works on the pools of all servers at the same time. Returns the results in the order of the servers, and the failures.
    async fn each<T, F: Future<Output = Result<T, CommandError>>>(
        &self,
        session: &Session,
        work: impl Fn(usize, RunShare) -> F,
    ) -> Result<(Vec<(usize, T)>, PoolFailures), CommandError> {
        let limits = self.servers.limits(None, 0);
        let work = |index, _: TenantSelection, share| work(index, share);
        let selection = Selection::all();
        let ran = self.servers.run(session, &selection, &limits, work);
        let (mut results, mut failures) = (Vec::new(), PoolFailures::default());
        for (index, target) in ran.await?.targets.into_iter().enumerate() {
            match target.result {
                Some(Ok(result)) => results.push((index, result)),
                Some(Err(failure)) => {
                    failures.code = self.servers.tell_failure(session, index, failure).await?;
                    failures.targets += 1;
                }
                None => {}
            }
        }
        Ok((results, failures))
    }

    /// Returns the provisioner of a server.
    fn provisioner(&self, index: usize) -> Result<&Provisioner, CommandError> {
        self.provisioners.get(index).ok_or(CommandError::NoTarget)
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
    let progress = Progress::new(session, Some(0));
    let fill_pool = async |index, share: RunShare| {
        let fill = PoolToFill {
            session,
            provisioner: pools.provisioner(index)?,
            target: pools.servers.name(index),
            progress: &progress,
        };
        fill.run(arguments.size, jobs, share.limits()).await
    };
    let (filled, failures) = pools.each(session, fill_pool).await?;
    drop(progress);
    let filled: Vec<Filled> = filled.into_iter().map(|(_, filled)| filled).collect();
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

/// The pool of one server.
struct PoolToFill<'a> {
    session: &'a Session,
    provisioner: &'a Provisioner,
    /// The name of the server, with `--targets`.
    target: Option<&'a str>,
    progress: &'a Progress,
}

impl PoolToFill<'_> {
    async fn run(
        &self,
        size: usize,
        jobs: Option<usize>,
        limits: &Arc<RunLimits>,
    ) -> Result<Filled, CommandError> {
        let start = Instant::now();
        let filling = {
            let _permit = limits.worker().await;
            self.begin(size).await?
        };
        let ignored = ignored::texts(&filling.ignored);
        let others = filling.before.spares.clone();
        let before = filling.before.ready();
        let (made, failed, code) = self.make(filling, jobs, limits).await?;
        let ready = before + made;
        let output = self.session.output;
        if !output.is_json() {
            output.summary(&format!(
                "{made} made, {ready} ready{} ({})",
                at(self.target),
                duration(start.elapsed())
            ));
        }
        say_others(output, &others);
        Ok(Filled {
            made,
            ready,
            failed,
            code,
            ignored,
        })
    }

    async fn begin(&self, size: usize) -> Result<Filling, CommandError> {
        let (provisioner, shutdown) = (self.provisioner, &self.session.shutdown);
        if provisioner.options().render.citus {
            let mut psql = provisioner.session();
            let room = ServerCapacity::query(&mut psql, shutdown).await;
            psql.close().await;
            let room = room.map_err(|error| ProvisionError::Run(Box::new(error)))?;
            check_citus(shutdown, provisioner, self.target, &room).await?;
        }
        let filling = begin_fill(provisioner, size, shutdown).await?;
        let output = self.session.output;
        ignored::say(output, &filling.ignored);
        if let Some(objects) = filling.proven {
            output.say(&format!(
                "proven{}: a claimed spare is a tenant, {objects} objects equal",
                at(self.target)
            ));
        }
        Ok(filling)
    }

    /// Creates the missing spares. Returns how many were made and how many failed, and the exit code of a failure.
    async fn make(
        &self,
        filling: Filling,
        jobs: Option<usize>,
        limits: &Arc<RunLimits>,
    ) -> Result<(usize, usize, u8), CommandError> {
        let (mut made, mut failed, mut code) = (0, 0, exit::DONE);
        if filling.missing == 0 {
            return Ok((made, failed, code));
        }
        let Session {
            output, shutdown, ..
        } = self.session;
        let mut names = filling.names()?.into_iter();
        let options = BulkOptions {
            jobs,
            ..BulkOptions::default()
        };
        let target = BulkTarget {
            name: self.target.unwrap_or_default().to_owned(),
            provisioner: filling.provisioner,
        };
        let mut bulk = Bulk::new(vec![target], options).within(limits);
        for room in bulk.prepare(shutdown).await {
            match room {
                Ok(_) | Err(ProvisionError::Run(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        self.progress.planned(filling.missing);
        let mut on_done = |done: BulkResult| {
            match done.result {
                Ok(_) => made += 1,
                Err(ProvisionError::PoolFull) => {}
                Err(error) => {
                    let report = build_report(&CommandError::from(error), self.session.context());
                    (failed, code) = (failed + 1, report.code);
                    output.report(&report);
                }
            }
            self.progress.done();
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
        let report = bulk.run(next, &mut on_done, shutdown).await;
        for note in &report.notes {
            output.warning(note);
        }
        Ok((made, failed, code))
    }
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
    let read = async |index, share: RunShare| {
        let _permit = share.limits().worker().await;
        let provisioner = pools.provisioner(index)?;
        let (snapshot, render) = (provisioner.snapshot(), &provisioner.options().render);
        let read = status(provisioner.server(), snapshot, render, &session.shutdown);
        Ok(read.await.map_err(PoolError::from)?)
    };
    let (seen, failures) = pools.each(session, read).await?;
    let mut counts = Vec::with_capacity(seen.len());
    for (index, seen) in &seen {
        counts.push(tell_one(session, seen, pools.servers.name(*index))?);
    }
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

/// Prints the pool of one server, and counts its spares.
fn tell_one(
    session: &Session,
    seen: &PoolStatus,
    target: Option<&str>,
) -> Result<PoolStatusCounts, CommandError> {
    let output = session.output;
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
    let drain_one = async |index, share: RunShare| {
        let _permit = share.limits().worker().await;
        let (provisioner, target) = (pools.provisioner(index)?, pools.servers.name(index));
        let drained = drain(
            provisioner.server(),
            provisioner.snapshot(),
            &provisioner.options().render,
            which,
            &session.shutdown,
        )
        .await
        .map_err(PoolError::from)?;
        say_obstacle(output, drained.obstacle.as_ref());
        if !output.is_json() {
            let text = plural(drained.dropped, "spare");
            output.summary(&format!("{text} dropped{}", at(target)));
        }
        Ok(drained)
    };
    let (drained, failures) = pools.each(session, drain_one).await?;
    session.summary(Counts::PoolDrain(PoolDrainCounts {
        dropped: drained.iter().map(|(_, drained)| drained.dropped).sum(),
        forgotten: drained.iter().map(|(_, drained)| drained.forgotten).sum(),
        failed_targets: failures.for_summary(),
    }))?;
    Ok(ended(session, &failures))
}
