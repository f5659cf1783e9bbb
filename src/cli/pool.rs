//! The command `pool`.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Instant;

use anstyle::AnsiColor;

use super::arguments::{
    PoolArguments, PoolCommand, PoolDrainArguments, PoolFillArguments, TenantKindArguments,
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
use super::session::Session;
use super::snapshot_file;
use crate::config::Settings;
use crate::exit;
use crate::fleet::bulk::{
    Bulk, BulkOptions, BulkResult, BulkTarget, ServerCapacity, TenantRequest,
};
use crate::fleet::pool::{Spares, SparesToDrain, begin_fill, drain, status};
use crate::tenant::{ProvisionError, ProvisionOptions, Provisioner, Retries};
use crate::text::{milliseconds, plural, safe, swrite};

/// Number of digits of a fingerprint that are shown.
const SHOWN: usize = 12;

pub(super) async fn run(session: &Session, arguments: PoolArguments) -> Result<u8, CommandError> {
    match arguments.command {
        PoolCommand::Fill(arguments) => fill(session, arguments).await,
        PoolCommand::Status(arguments) => tell(session, &arguments.what).await,
        PoolCommand::Drain(arguments) => empty(session, &arguments).await,
    }
}

/// Returns the provisioner for the snapshot, on the server that has its spares.
async fn connect_provisioner(
    session: &Session,
    what: &TenantKindArguments,
) -> Result<Provisioner, CommandError> {
    let settings = session.settings()?;
    let Settings { tool, .. } = &settings;
    let path = snapshot_file::find(tool)?;
    let (target, snapshot) = tokio::join!(session.target(&settings), async {
        snapshot_file::load(&path, session)
    });
    let (snapshot, target) = (snapshot?, target?);
    let retries = Retries {
        attempts: 8,
        ..Retries::default()
    };
    let options = ProvisionOptions {
        render: render_options(what),
        retries,
        ..ProvisionOptions::default()
    };
    Ok(Provisioner::new(target.server, Arc::new(snapshot), options))
}

async fn fill(session: &Session, arguments: PoolFillArguments) -> Result<u8, CommandError> {
    let start = Instant::now();
    let output = session.output;
    let tool = session.tool_with_jobs(arguments.jobs)?;
    let provisioner = connect_provisioner(session, &arguments.what).await?;
    if provisioner.options().render.citus {
        let mut psql = provisioner.session();
        let room = ServerCapacity::query(&mut psql, &session.shutdown).await;
        psql.close().await;
        let room = room.map_err(|error| ProvisionError::Run(Box::new(error)))?;
        check_citus(&session.shutdown, &provisioner, None, &room).await?;
    }
    let filling = begin_fill(&provisioner, arguments.size, &session.shutdown).await?;
    ignored::say(output, &filling.ignored);
    if let Some(objects) = filling.proven {
        output.say(&format!(
            "proven: a claimed spare is a tenant, {objects} objects equal"
        ));
    }
    let before = filling.before.ready();
    let mut names = filling.names()?.into_iter();
    let options = BulkOptions {
        jobs: tool.jobs.map(|jobs| jobs.value.get()),
        ..BulkOptions::default()
    };
    let target = BulkTarget {
        name: String::new(),
        provisioner: filling.provisioner.clone(),
    };
    let mut bulk = Bulk::new(vec![target], options);
    let (mut made, mut failed, mut code) = (0, 0, exit::DONE);
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
    if output.is_json() {
        session.summary(Counts::PoolFill(PoolFillCounts {
            made,
            ready,
            failed,
            ignored: ignored::texts(&filling.ignored),
        }))?;
    } else {
        let ms = milliseconds(start.elapsed());
        output.say(&format!("{made} made, {ready} ready ({ms} ms)"));
    }
    say_others(output, &filling.before.spares);
    Ok(match session.shutdown.signal() {
        Some(signal) => signal_exit_code(signal),
        None => code,
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

/// Warns of a pool that this role does not trust: its owner could pass off any schema as a spare.
fn say_pool_of_another(output: Output, owner: Option<&str>) {
    if let Some(owner) = owner {
        output.warning(&format!(
            "the pool belongs to role {}, and this role cannot use it: fill, claim and drain as that role (--role or --username)",
            safe(owner)
        ));
    }
}

async fn tell(session: &Session, what: &TenantKindArguments) -> Result<u8, CommandError> {
    let output = session.output;
    let provisioner = connect_provisioner(session, what).await?;
    let options = &provisioner.options().render;
    let seen = status(
        provisioner.server(),
        provisioner.snapshot(),
        options,
        &session.shutdown,
    )
    .await
    .map_err(crate::fleet::pool::PoolError::from)?;
    say_pool_of_another(output, seen.pool_of_another.as_deref());
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
            "{} of {}",
            plural(*ready, "spare"),
            if *wanted { "this snapshot" } else { shown }
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
                stray: stray.clone(),
            }))?;
        } else {
            output.result(
                AnsiColor::Yellow.on_default(),
                "stray",
                &format!("{stray}: in no pool"),
            )?;
        }
    }
    let count = |wanted| {
        let groups = seen.spares.iter().filter(|group| group.wanted == wanted);
        groups.map(|group| group.ready).sum()
    };
    session.summary(Counts::PoolStatus(PoolStatusCounts {
        ready: count(true),
        other: count(false),
        strays: seen.strays.len(),
    }))?;
    Ok(exit::DONE)
}

async fn empty(session: &Session, arguments: &PoolDrainArguments) -> Result<u8, CommandError> {
    let output = session.output;
    let provisioner = connect_provisioner(session, &arguments.what).await?;
    let which = if arguments.all {
        SparesToDrain::All
    } else {
        SparesToDrain::Others
    };
    let options = &provisioner.options().render;
    let drained = drain(
        provisioner.server(),
        provisioner.snapshot(),
        options,
        which,
        &session.shutdown,
    )
    .await
    .map_err(crate::fleet::pool::PoolError::from)?;
    say_pool_of_another(output, drained.pool_of_another.as_deref());
    if !output.is_json() {
        output.say(&format!("{} dropped", plural(drained.dropped, "spare")));
    }
    session.summary(Counts::PoolDrain(PoolDrainCounts {
        dropped: drained.dropped,
        forgotten: drained.forgotten,
    }))?;
    Ok(exit::DONE)
}
