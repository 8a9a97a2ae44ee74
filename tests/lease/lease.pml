/* One account, its cloud and two counters, every order of everything (docs/leases.md).
 *
 * Counter 0 sells lines that counter 1 may refund as well. Each counter may ask for one online debit.
 * Grants are totals that are lost, doubled and late: any copy may come at any time. A journal is a
 * channel: the cursor takes its leaves in order, late ones too. All moves are of single units.
 *
 * A counter that is lost is one that does nothing any more, a message that is lost one that never
 * comes, a recall that is late or doubled a release at any time: all are among the orders.
 *
 * A switch (-D) puts one wrong decision in: DELTA SILENT EARLY NOTOMB FREELATE NOLOWER SKIP REFUND2.
 */
#ifndef FUND
#define FUND 3
#endif
#ifndef GMAX
#define GMAX 2          /* granted to one counter, in all */
#endif
#ifndef ASKERS
#define ASKERS 2        /* a debit by counter 1 alone (2), or by both (3) */
#endif
#ifndef SMAX
#define SMAX 2          /* lines that counter 0 sells */
#endif
#ifndef JOURNAL
#define JOURNAL 2       /* leaves that are not told yet */
#endif

#define SPENT    1
#define RETURNED 2
#define ONLINE   3
#define REFUNDED 4
#define GAVE_UP  5

#define NONE     0      /* a debit in the cloud */
#define OPEN     1
#define TAKEN    2
#define REVERSED 3
#define FORCED   4

#define QUIET    0      /* the intent at a counter */
#define ASKED    1
#define GRANTED  2
#define GIVEN_IN 3
#define ENDED    4

/* The cloud: R, S, O, X, D, and for each counter what is out, what was forced. */
byte r = FUND, s, o, x, in_debit, ever;
byte out[2], forced[2], granted[2], debit[2];
bool closed[2];
byte line_free, allowed;

/* The counters. */
byte here[2], seen[2], intent[2];
byte right, refunds_elsewhere;
byte early[2];

/* The network: a copy that is there may come now, again, or never. */
byte grant_total[2];
bool ask[2], answer[2], reversal[2], reversed[2], line_recall;
chan journal0 = [JOURNAL] of { byte, byte };
chan journal1 = [JOURNAL] of { byte, byte };

/* What really happened. */
byte net, sold, refunds;

inline charge(amount) {
    if
    :: r >= amount -> r = r - amount
    :: else -> o = o + amount - r; r = 0
    fi
}

inline spend(d, amount) {
    s = s + amount;
    if
    :: !closed[d] -> assert(out[d] >= amount); out[d] = out[d] - amount
    :: else ->
#if defined(FREELATE)
        s = s - amount
#elif defined(SILENT)
        charge(amount)
#else
        assert(forced[d] >= amount);
        forced[d] = forced[d] - amount; x = x - amount;
        charge(amount)
#endif
    fi
}

inline leaf(d, kind, amount) {
    if
    :: kind == SPENT -> spend(d, amount)
    :: kind == RETURNED && !closed[d] ->
        assert(out[d] >= amount); out[d] = out[d] - amount; r = r + amount
    :: kind == RETURNED && closed[d] ->
#ifndef SILENT
        forced[d] = forced[d] - amount; x = x - amount
#else
        skip
#endif
    :: kind == ONLINE ->
        assert(debit[d] == OPEN || debit[d] == FORCED);
        if
        :: debit[d] == OPEN -> in_debit = in_debit - 1; s = s + 1
        :: else -> forced[d] = forced[d] + 1; spend(d, 1)
        fi;
        debit[d] = TAKEN
    :: kind == REFUNDED ->
        assert(s >= amount);
        s = s - amount;
        if
        :: !closed[d] -> out[d] = out[d] + amount
        :: else -> forced[d] = forced[d] + amount; r = r + amount; x = x + amount; ever = ever + amount
        fi
    :: kind == GAVE_UP -> line_free = line_free + amount
    fi
}

inline force(d) {
    closed[d] = true;
    r = r + out[d];
#ifndef SILENT
    forced[d] = out[d]; x = x + out[d]; ever = ever + out[d];
#endif
    out[d] = 0;
    if
    :: debit[d] == OPEN ->
        in_debit = in_debit - 1; r = r + 1; debit[d] = FORCED; x = x + 1; ever = ever + 1
    :: else
    fi
}

#define TOLD (len(journal0) == 0 && len(journal1) == 0)
#define CALM(d) (!ask[d] && (intent[d] == QUIET || intent[d] == GRANTED || intent[d] == ENDED))

inline check() {
    assert(refunds <= sold);                                                   /* I10 */
    assert(FUND + o == r + s + in_debit + out[0] + out[1]);                    /* I1 */
    assert(seen[0] <= granted[0] && seen[1] <= granted[1]);                    /* I2 */
#ifndef SILENT
    assert(x == forced[0] + forced[1] + (debit[0] == FORCED) + (debit[1] == FORCED));
    assert(net <= FUND + o + x);
#endif
    assert(net <= FUND + ever);                                                /* I3 */
    assert(r < 200 && s < 200 && o < 200 && x < 200 && in_debit < 200);        /* I4: no wrap */
    assert(out[0] < 200 && out[1] < 200 && here[0] < 200 && here[1] < 200);
    assert(o <= ever);                                                         /* I5 */
    if
    :: TOLD && CALM(0) && CALM(1) ->                                           /* at rest */
        assert(s == net);
        assert(in_debit == 0);
        assert(closed[0] || out[0] == here[0] + granted[0] - seen[0]);
        assert(closed[1] || out[1] == here[1] + granted[1] - seen[1])
    :: else
    fi
}


/* What one counter and the cloud about it may do next. */
#define COUNTER(d, journal) \
    /* the cloud by itself */ \
    :: !closed[d] && granted[d] < GMAX && r > 0 -> GRANT(d) \
    :: !closed[d] -> force(d) \
    :: nempty(journal) -> journal?k,n; TAKE_IN(d) \
    /* what it hears */ \
    :: ask[d] -> \
        if \
        :: debit[d] == NONE && !closed[d] && r > 0 -> \
            r = r - 1; in_debit = in_debit + 1; debit[d] = OPEN; answer[d] = true \
        :: debit[d] == OPEN -> answer[d] = true \
        :: else \
        fi; \
        if :: ask[d] = false :: skip fi \
    :: reversal[d] -> reversal[d] = false; reversed[d] = true; \
        if \
        :: debit[d] == NONE -> TOMBSTONE(d) \
        :: debit[d] == OPEN -> in_debit = in_debit - 1; r = r + 1; debit[d] = REVERSED \
        :: debit[d] == FORCED -> x = x - 1; debit[d] = REVERSED \
        :: else \
        fi \
    :: ask[d] -> ask[d] = false \
    /* the counter */ \
    :: nfull(journal) && granted[d] > 0 && TAKES(d) -> TAKE(d) \
    :: nfull(journal) && here[d] > 0 && early[d] == 0 -> RELEASE(d, journal) \
    :: early[d] > 0 -> here[d] = (here[d] > early[d] -> here[d] - early[d] : 0); early[d] = 0 \
    :: nfull(journal) && intent[d] == QUIET && (ASKERS >> d & 1) -> intent[d] = ASKED; ask[d] = true \
    :: nfull(journal) && intent[d] == ASKED && answer[d] -> \
        intent[d] = GRANTED; net = net + 1; journal!ONLINE,1 \
    :: intent[d] == ASKED -> intent[d] = GIVEN_IN; reversal[d] = true \
    :: intent[d] == GIVEN_IN && !reversal[d] && !reversed[d] -> reversal[d] = true \
    :: intent[d] == GIVEN_IN && reversed[d] -> intent[d] = ENDED

#ifdef NOLOWER
#define GRANT(d) granted[d] = granted[d] + 1; out[d] = out[d] + 1
#else
#define GRANT(d) r = r - 1; granted[d] = granted[d] + 1; out[d] = out[d] + 1
#endif

#ifdef DELTA
#define TAKES(d) (seen[d] < 4)
#define TAKE(d) seen[d] = seen[d] + 1; here[d] = here[d] + 1
#else
/* any copy, of now or of before: a total that is not above what was seen changes nothing */
#define TAKES(d) (seen[d] < granted[d])
#define TAKE(d) \
    if \
    :: here[d] = here[d] + granted[d] - seen[d]; seen[d] = granted[d] \
    :: granted[d] - seen[d] > 1 -> here[d] = here[d] + 1; seen[d] = seen[d] + 1 \
    fi
#endif

#ifdef EARLY
#define RELEASE(d, journal) journal!RETURNED,here[d]; early[d] = here[d]
#else
#define RELEASE(d, journal) n = here[d]; here[d] = 0; journal!RETURNED,n
#endif

#ifdef NOTOMB
#define TOMBSTONE(d) skip
#else
#define TOMBSTONE(d) debit[d] = REVERSED
#endif

#ifdef SKIP
#define TAKE_IN(d) if :: leaf(d, k, n) :: skip fi
#else
#define TAKE_IN(d) leaf(d, k, n)
#endif

#ifdef REFUND2
#define MAY_REFUND (refunds_elsewhere < sold)
#else
#define MAY_REFUND (refunds_elsewhere < allowed)
#endif

active proctype everything() {
    byte k, n;
end:
    do
    :: atomic {
        if
        COUNTER(0, journal0)
        COUNTER(1, journal1)
        /* a sale of what is here; only those of counter 0 are lines that may be refunded */
        :: nfull(journal0) && here[0] > 0 && sold < SMAX ->
            here[0] = here[0] - 1; net = net + 1; sold = sold + 1; right = right + 1;
            journal0!SPENT,1
        :: nfull(journal1) && here[1] > 0 ->
            here[1] = here[1] - 1; net = net + 1; journal1!SPENT,1
        /* refunds: the seller without asking, elsewhere what the seller gave up */
        :: nfull(journal0) && right > 0 ->
            right = right - 1; refunds = refunds + 1; net = net - 1; here[0] = here[0] + 1;
            journal0!REFUNDED,1
        :: nfull(journal0) && right > 0 -> n = right; right = 0; journal0!GAVE_UP,n
        :: line_free > 0 -> line_free = line_free - 1; allowed = allowed + 1
        :: nfull(journal1) && MAY_REFUND ->
            refunds_elsewhere = refunds_elsewhere + 1; refunds = refunds + 1; net = net - 1;
            here[1] = here[1] + 1; journal1!REFUNDED,1
        fi;
        k = 0; n = 0;
        check()
      }
    od
}
