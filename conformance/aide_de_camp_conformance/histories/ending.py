"""Findings about what became of jobs: lost, doubled, unexpected, contradicted, unaccounted for."""

from __future__ import annotations

from collections.abc import Iterator

from aide_de_camp.spi import DeadReason, JobRecord, JobState, SettleKind
from aide_de_camp_conformance.histories.event import Item, Operation
from aide_de_camp_conformance.histories.finding import Finding, Kind
from aide_de_camp_conformance.histories.recorder import digest
from aide_de_camp_conformance.histories.story import Said, Stories, Story, acknowledged

_BACK = (SettleKind.RETRY, SettleKind.SNOOZED, SettleKind.RELEASED)
_FINISHED = {
    SettleKind.COMPLETED: JobState.COMPLETED,
    SettleKind.CANCELLED: JobState.CANCELLED,
    SettleKind.DEAD: JobState.DEAD,
}


def unexpected(stories: Stories) -> Iterator[Finding]:
    """Say what came out, or is there, and wasn't scheduled before."""
    for story in stories.by_id.values():
        first = story.handed[0].call if story.handed else None
        came = (first,) if first else ()
        if not came and story.final is None:
            continue
        if not story.scheduled:
            how = "its scheduling was refused" if story.refused else "nobody scheduled it"
            yield Finding(Kind.UNEXPECTED, story.id, f"it is there, and {how}", came)
            continue
        early = [h for h in story.handed if all(h.call.before(s.call) for s in story.scheduled)]
        if early:
            words = "it came out before anybody scheduled it"
            yield Finding(Kind.UNEXPECTED, story.id, words, (early[0].call,))


def differs(stories: Stories) -> Iterator[Finding]:
    """Say what came out with something else than it was scheduled with."""
    for story in stories.by_id.values():
        if not story.scheduled:
            continue
        for handed in story.handed:
            if words := _difference(story.scheduled, handed.item):
                calls = (*(said.call for said in story.scheduled), handed.call)
                yield Finding(Kind.DIFFERS, story.id, f"it came out with another {words}", calls)
                break
        words = _difference(story.scheduled, _kept(story.final)) if story.final is not None else ""
        if words:
            calls = tuple(said.call for said in story.scheduled)
            yield Finding(Kind.DIFFERS, story.id, f"it is kept with another {words}", calls)


def _kept(record: JobRecord) -> Item:
    return Item(
        record.id,
        None if record.payload is None else digest(record.payload),
        job_type=record.job_type,
        priority=record.priority,
        claims=record.claims,
        scheduled_at=record.scheduled_at,
    )


def _difference(scheduled: list[Said], item: Item) -> str:
    """Name what no scheduling of the job gave."""
    asked = [said.asked for said in scheduled]
    if item.value is not None and item.value not in {each.value for each in asked}:
        return "payload"
    if item.job_type not in {each.job_type for each in asked}:
        return "type"
    if item.priority not in {each.priority for each in asked}:
        return "priority"
    # The time is the scheduled one until the first attempt ended; a delay's isn't known here.
    times = {each.scheduled_at for each in asked}
    original = item.claims is not None and item.claims <= 1 and None not in times
    first_claim = original and item.lease_until is not None
    never_claimed = original and item.claims == 0
    return "time" if (first_claim or never_claimed) and item.scheduled_at not in times else ""


def doubled(stories: Stories) -> Iterator[Finding]:
    """Say what ended twice, or came out again after its end was acknowledged."""
    for story in stories.by_id.values():
        if story.reborn:
            continue
        sure = [said for said in story.ends() if said.sure]
        last = [said for said in sure if _is_final(story, said)]
        if both := _two_ends(sure):
            words = f"one attempt ended {both[0].asked.value} and {both[1].asked.value}"
            yield Finding(Kind.DOUBLED, story.id, words, (both[0].call, both[1].call))
        for end in last:
            token = end.asked.token or 0
            again = [each for each in last if (each.asked.token or 0) > token]
            handed = [h for h in story.handed if h.token > token or end.call.before(h.call)]
            if again or handed:
                how = f"ended again {again[0].asked.value}" if again else "came out again"
                words = f"it was acknowledged to have ended {end.asked.value}, and {how}"
                calls = (end.call, *(e.call for e in again[:1]), *(h.call for h in handed[:1]))
                yield Finding(Kind.DOUBLED, story.id, words, calls)
                break


def _two_ends(ends: list[Said]) -> tuple[Said, Said] | None:
    """Find two ends of one attempt."""
    first: dict[int | None, Said] = {}
    for end in ends:
        other = first.setdefault(end.asked.token, end)
        if other.asked.value != end.asked.value:
            return other, end
    return None


def _is_final(story: Story, end: Said) -> bool:
    """True where nothing may bring a job back from that end."""
    if end.asked.value == SettleKind.DEAD:
        return not story.of(Operation.REQUEUE)
    return end.asked.value in (SettleKind.COMPLETED, SettleKind.CANCELLED)


def contradicted(stories: Stories) -> Iterator[Finding]:
    """Say where the final state isn't what was acknowledged."""
    for story in stories.by_id.values():
        if story.final is None or story.reborn:
            continue
        if found := _contradiction(stories, story, story.final):
            words, calls = found
            yield Finding(Kind.CONTRADICTED, story.id, words, tuple(s.call for s in calls))


def _contradiction(
    stories: Stories, story: Story, record: JobRecord
) -> tuple[str, list[Said]] | None:
    state, token = record.state, record.token
    moved = bool(story.of(Operation.HOLD))
    for said in story.ends():
        kind = SettleKind(said.asked.value or "")
        if not said.sure or (kind is SettleKind.DEAD and (moved or not _is_final(story, said))):
            continue
        if kind in _FINISHED and state is not _FINISHED[kind]:
            return f"it was acknowledged to be {kind}, and is {state}", [said]
        if kind in _BACK and state is JobState.RUNNING and token == said.asked.token:
            return f"it was acknowledged to be {kind}, and is running under that token", [said]
    for said in story.of(Operation.CANCEL):
        if said.sure and state is not JobState.CANCELLED:
            return f"it was acknowledged to be cancelled, and is {state}", [said]
    for said in story.of(Operation.DELETE):
        if said.sure:
            return f"it was acknowledged to be deleted, and is {state}", [said]
    return _unexplained(stories, story, record)


def _unexplained(
    stories: Stories, story: Story, record: JobRecord
) -> tuple[str, list[Said]] | None:
    """Say where a job has an end that nobody gave it."""
    state = record.state
    kinds = {kept: kind for kind, kept in _FINISHED.items()}
    if state not in kinds:
        return None
    cancelled = state is JobState.CANCELLED and bool(story.of(Operation.CANCEL))
    key = (record.token, kinds[state])
    by = [said for said in story.settled if (said.asked.token, said.asked.value) == key]
    refused = [said for said in by if said.call.ok and not said.sure]
    if refused and not cancelled:
        return f"it is {state} by a settlement that was told its lease was lost", refused
    imported = any(said.call.operation is Operation.IMPORT for said in story.scheduled)
    if cancelled or imported or any(said.possible for said in by):
        return None
    if state is JobState.DEAD and record.reason == DeadReason.LEASE:
        return _dead_of_its_lease(stories, story, record)
    return f"it is {state} under token {record.token}, and nobody made it so", story.settled


def _dead_of_its_lease(
    stories: Stories, story: Story, record: JobRecord
) -> tuple[str, list[Said]] | None:
    """Say where a job had no reason to die of a lost lease."""
    for handed in story.handed:
        left, most = handed.item.retries, handed.item.max_retries
        last = handed.item.claims == record.claims
        if last and left is not None and most is not None and left < most:
            return "it is dead of a lost lease, and had retries left", []
    if stories.loose or any(value == JobState.DEAD for _, value in story.taken_back):
        return None
    return "it is dead of a lost lease, and nobody took one back", []


def lost(stories: Stories, *, drained: bool) -> Iterator[Finding]:
    """Say what was acknowledged and isn't there, or never came out."""
    if not stories.read:
        return
    pruned: list[Story] = []
    for story in stories.by_id.values():
        known = [s for s in acknowledged(story.scheduled) if s.answer in ("stored", "exists")]
        calls = (*(said.call for said in known[:1]), *(h.call for h in story.handed[-1:]))
        if story.final is not None:
            if drained and story.final.state.live and calls:
                words = f"it is {story.final.state} though all that was due was claimed"
                yield Finding(Kind.LOST, story.id, words, calls)
        elif calls and not any(story.of(o) for o in (Operation.DELETE, Operation.DISCARD)):
            if stories.prunes and _may_be_over(story):
                pruned.append(story)
            elif story.handed:
                words = "it came out, and is neither there nor gone by a named act"
                yield Finding(Kind.UNACCOUNTED, story.id, words, calls)
            else:
                yield Finding(Kind.LOST, story.id, "it was acknowledged, and isn't there", calls)
    yield from _too_many(stories, pruned)


def _may_be_over(story: Story) -> bool:
    """True where a job may have been completed or cancelled, and so pruned."""
    ends = story.ends(SettleKind.COMPLETED, SettleKind.CANCELLED)
    return bool(ends or story.of(Operation.CANCEL))


def _too_many(stories: Stories, pruned: list[Story]) -> Iterator[Finding]:
    told = [call.told for call in stories.prunes if call.ok]
    total = sum(each.number or 0 for each in told if each is not None)
    if len(told) == len(stories.prunes) and len(pruned) > total:
        words = f"{len(pruned)} finished jobs are gone, and only {total} were pruned"
        yield Finding(Kind.UNACCOUNTED, None, words, tuple(stories.prunes))
