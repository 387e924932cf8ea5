-- The facts, from the oldest that is kept. `event` is JSON; `crc` covers it and all facts before it.
create table fact (
    sequence integer primary key,
    crc integer not null,
    event text not null
) strict;

-- The state after a fact, in parts. A snapshot is there once it has a row here.
create table snapshot (
    sequence integer primary key,
    crc integer not null,
    at_ms integer not null,
    parts integer not null,
    hash integer not null,
    seal integer not null
) strict;
create table part (
    snapshot integer not null,
    part integer not null,
    text text not null,
    primary key (snapshot, part)
) strict, without rowid;

-- What is kept besides facts, such as names and the hashes of keys. `crc` covers the others.
create table document (
    kind text not null,
    id text not null,
    crc integer not null,
    text text not null,
    primary key (kind, id)
) strict, without rowid;

-- For people: what each snapshot says. Nothing here is read back.
create table account_line (
    snapshot integer not null,
    account integer not null,
    owner integer not null,
    address text not null,
    zone text not null,
    ahead_minutes integer not null,
    daily_cap integer not null,
    allowance integer not null,
    primary key (snapshot, account)
) strict, without rowid;
create table reservation_line (
    snapshot integer not null,
    reservation integer not null,
    account integer not null,
    campaign integer not null,
    lead integer not null,
    reserved_at text not null,
    ends_at text not null,
    begun_at text,
    lapsed_on text,
    primary key (snapshot, reservation)
) strict, without rowid;
create table sends_line (
    snapshot integer not null,
    account integer not null,
    day text not null,
    emails integer not null,
    primary key (snapshot, account, day)
) strict, without rowid;

-- The facts that the newest snapshot does not know.
create view later as
select sequence, event from fact where sequence > (select max(sequence) from snapshot);

-- Every reservation that is out, or lapsed and may still be settled, or was granted since.
create view reservation_known as
select reservation, account, campaign, lead, reserved_at, ends_at, begun_at, lapsed_on
from reservation_line
where snapshot = (select max(sequence) from snapshot)
union all
select
    event ->> '$.fact.reserved.reservation',
    event ->> '$.fact.reserved.account',
    event ->> '$.fact.reserved.campaign',
    event ->> '$.fact.reserved.request.lead',
    event ->> '$.at',
    event ->> '$.fact.reserved.ends_at',
    null,
    null
from later
where event ->> '$.fact.reserved.reservation' is not null;

-- How reservations ended since: lapsed, settled or cancelled, and the day that is charged.
create view ended as
select
    coalesce(
        event ->> '$.fact.settled.reservation',
        event ->> '$.fact.lapsed.reservation',
        event ->> '$.fact.cancelled.reservation'
    ) as reservation,
    coalesce(event ->> '$.fact.settled.day', event ->> '$.fact.lapsed.day') as day,
    event ->> '$.fact.lapsed.reservation' is not null as lapsed
from later
where coalesce(
    event ->> '$.fact.settled.reservation',
    event ->> '$.fact.lapsed.reservation',
    event ->> '$.fact.cancelled.reservation'
) is not null;

-- The reservations that are out: granted and not settled, given back or lapsed.
create view reservation_out as
with begun_since as (
    select event ->> '$.fact.begun.reservation' as reservation, min(event ->> '$.at') as begun_at
    from later
    where event ->> '$.fact.begun.reservation' is not null
    group by 1
)
select
    reservation, account, campaign, lead, reserved_at, ends_at,
    coalesce(known.begun_at, begun_since.begun_at) as begun_at
from reservation_known as known
left join begun_since using (reservation)
where lapsed_on is null and reservation not in (select reservation from ended);

-- How many emails each account sent on each civil day of its zone, for the last 31 days.
create view sends_by_day as
select account, day, sum(emails) as emails
from (
    select account, day, emails from sends_line
    where snapshot = (select max(sequence) from snapshot)
    union all
    select known.account, ended.day, 1
    from ended join reservation_known as known using (reservation)
    where ended.day is not null
    union all
    -- What is settled or given back after its lapse was charged to the lapse before.
    select known.account, coalesce(known.lapsed_on, lapse.day), -1
    from ended
    join reservation_known as known using (reservation)
    left join ended as lapse on lapse.reservation = ended.reservation and lapse.lapsed
    where not ended.lapsed and coalesce(known.lapsed_on, lapse.day) is not null
    union all
    select
        event ->> '$.fact.usage_reported.account',
        event ->> '$.fact.usage_reported.day',
        event ->> '$.fact.usage_reported.emails'
    from later
    where event ->> '$.fact.usage_reported.account' is not null
)
group by account, day
having sum(emails) > 0;

-- Every account with its settings as they are, and its allowance as the newest snapshot has it.
create view account_known as
with set_since as (
    select
        event ->> '$.fact.account_set.account.id' as account,
        event ->> '$.fact.account_set.account.owner' as owner,
        event ->> '$.fact.account_set.account.address' as address,
        event ->> '$.fact.account_set.account.zone' as zone,
        event ->> '$.fact.account_set.account.daily_cap' as daily_cap,
        max(sequence) as sequence
    from later
    where event ->> '$.fact.account_set.account.id' is not null
    group by 1
),
deleted_since as (
    select event ->> '$.fact.account_deleted.account' as account, max(sequence) as sequence
    from later
    where event ->> '$.fact.account_deleted.account' is not null
    group by 1
),
lines as (
    select * from account_line where snapshot = (select max(sequence) from snapshot)
)
select
    account,
    coalesce(set_since.owner, lines.owner) as owner,
    coalesce(set_since.address, lines.address) as address,
    coalesce(set_since.zone, lines.zone) as zone,
    coalesce(lines.ahead_minutes, 0) as ahead_minutes,
    coalesce(set_since.daily_cap, lines.daily_cap) as daily_cap,
    min(
        coalesce(lines.allowance, set_since.daily_cap),
        coalesce(set_since.daily_cap, lines.daily_cap)
    ) as allowance
from lines
full join set_since using (account)
left join deleted_since using (account)
where deleted_since.sequence is null or deleted_since.sequence < set_since.sequence;

-- Every account with what it used of today's allowance and what is left. Today is the civil day of
-- its zone, by the difference to UTC at the newest snapshot.
create view account_today as
select
    known.account, owner, address, zone, daily_cap, allowance,
    date('now', ahead_minutes || ' minutes') as day,
    coalesce(sends.emails, 0) as sent,
    coalesce(out.emails, 0) as reserved,
    coalesce(sends.emails, 0) + coalesce(out.emails, 0) as used,
    max(allowance - coalesce(sends.emails, 0) - coalesce(out.emails, 0), 0) as left
from account_known as known
left join sends_by_day as sends
    on sends.account = known.account
    and sends.day = date('now', known.ahead_minutes || ' minutes')
left join (
    select account, count(*) as emails from reservation_out group by account
) as out on out.account = known.account;
