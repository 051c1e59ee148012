//! What training commands print: held in memory while an attempt lasts, kept when it ends, told to
//! whoever asks.

use sweep_core::access::Actor;
use sweep_core::ids::RunId;
use sweep_core::output::{OutputPart, Tail, text};
use sweep_proto::RunKey;
use sweep_proto::v1::Document;

use crate::api::Sender;
use crate::context::{Context, Output};
use crate::ingest::Printed;
use crate::{Error, doors};

/// Adds what an attempt has printed.
pub(crate) fn note(context: &Context, key: RunKey, printed: &Printed) {
    if printed.bytes.is_empty() {
        return;
    }
    let mut live = context.live();
    let fresh = || Output { epoch: key.epoch, tail: Tail::default() };
    let output = live.outputs.entry(key.run).or_insert_with(fresh);
    if output.epoch != key.epoch {
        *output = fresh();
    }
    output.tail.put(printed.at, &printed.bytes);
}

/// Keeps what an attempt has printed, as it ends.
pub(crate) async fn keep(context: &Context, key: RunKey) -> Result<(), Error> {
    let part = live_part(context, key.run, 0).filter(|(part, _)| part.epoch == key.epoch);
    if let Some((part, _)) = part {
        context.stored(context.store.put_output(key.run, &part).await)?;
        context.live().outputs.remove(&key.run);
    }
    Ok(())
}

/// What the attempt in progress has printed from a place on, and where that ends.
fn live_part(context: &Context, run: RunId, at: u64) -> Option<(OutputPart, u64)> {
    let live = context.live();
    let Output { epoch, tail } = live.outputs.get(&run)?;
    let (begin, bytes) = tail.since(at);
    let part = OutputPart { epoch: *epoch, text: text(bytes), skipped_n: begin.saturating_sub(at) };
    Some((part, tail.end()))
}

/// What the attempts of a run have printed so far.
pub(crate) async fn all(context: &Context, run: RunId) -> Result<Vec<OutputPart>, Error> {
    news(context, run, &mut (0, 0)).await
}

/// Sends what the attempts of a run have printed; with `follow`, until the run has ended.
pub(crate) async fn tell(
    context: &Context,
    actor: &Actor,
    run: RunId,
    follow: bool,
    sender: &Sender,
) -> Result<(), Error> {
    let mut changes = context.watch();
    // The last attempt that was told of, and up to which byte.
    let mut told = (0, 0);
    loop {
        changes.mark_unchanged();
        context.must_be_open()?;
        doors::must_still_be_in(context, actor).await?;
        // Before its output is read, so that what was printed until its end is not missed.
        let found = context.store.run(run).await?;
        let has_ended = found.is_none_or(|(_, record)| record.state.is_final());
        for part in news(context, run, &mut told).await? {
            if sender.send(Ok(Document::of(&part))).await.is_err() {
                return Ok(());
            }
        }
        if !follow || has_ended || changes.changed().await.is_err() {
            return Ok(());
        }
    }
}

/// What was printed since.
async fn news(
    context: &Context,
    run: RunId,
    told: &mut (u32, u64),
) -> Result<Vec<OutputPart>, Error> {
    let mut news = Vec::new();
    let live = live_part(context, run, 0).map(|(part, _)| part.epoch);
    for part in context.store.outputs(run).await? {
        let (epoch, at) = *told;
        if part.epoch < epoch || Some(part.epoch) == live {
            continue;
        }
        let end = part.skipped_n + part.text.len() as u64;
        if part.epoch > epoch {
            news.push(part.clone());
        } else if end > at {
            news.push(rest(&part, at));
        }
        *told = (part.epoch, end.max(if part.epoch == epoch { at } else { 0 }));
    }
    let from = if live == Some(told.0) { told.1 } else { 0 };
    if let Some((part, end)) = live_part(context, run, from)
        && part.epoch >= told.0
        && end > from
    {
        *told = (part.epoch, end);
        news.push(part);
    }
    Ok(news)
}

/// The end of a stored output after a place in it.
fn rest(part: &OutputPart, at: u64) -> OutputPart {
    let known = usize::try_from(at.saturating_sub(part.skipped_n)).unwrap_or(usize::MAX);
    // Replaced bytes may have moved the place into a character.
    let cut = (known..part.text.len()).find(|cut| part.text.is_char_boundary(*cut));
    let text = cut.map_or("", |cut| &part.text[cut..]).to_owned();
    OutputPart { epoch: part.epoch, text, skipped_n: part.skipped_n.saturating_sub(at) }
}
