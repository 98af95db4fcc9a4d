"""The page of tokenizers in large spaces and on corpora."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.good_members import JUDGED
from benchmarks.harness.results import Result, of
from benchmarks.harness.tables import NONE, markdown, mean_std, notes, percent, provenance, spread
from benchmarks.large_spaces import ABLATED, BEST, DRAWS, FEW_SECONDS, FEW_SPACE, FRESH, MANY_DRAWS, TOKENIZERS

README: dict[str, Callable[[list[Result]], str]] = {}

TITLES = {
    "plain": "`plain`: nodes or edges, one after the other",
    "merges": "`merges`: what is often side by side, joined",
    "vq": "`vq`: learned codes",
    "marginals": "`plain`, each token drawn by itself",
    "alone": "`plain`, from the corpus alone",
}

INTRO = f"""\
The same small language model (width 64, two layers) over the codes of each tokenizer, trained for the same CPU seconds;
the seconds of a tokenizer that learns come on top and are in the last column. *Nats*: of held-out members, negative
log-likelihood, left out where a tokenizer gives too few members back, as its codes then stand for less; *tokens*: of a
member, on average. {DRAWS:,} raw draws unless another number is said, temperature 1,
nothing masked and nothing rejected. Mean ± standard deviation over training seeds."""

UNIFORM = """\
## Members of large spaces, drawn uniformly

The ideal is ln(size)."""

CORPUS = f"""\
## The best {100 * BEST:.0f} % of a table

A model of the space goes on learning from nine tenths of the best members; the others are held out. *Among the best*:
the share of new members, of {MANY_DRAWS:,} draws, that belong to the best {100 * BEST:.0f} % of the whole space,
estimated from those that the table knows; by chance it is {100 * BEST:.0f} %. For `enas6` the table knows too few of
all members to tell."""

GOOD = f"""\
## The best {100 * BEST:.0f} % by a training-free score

Uniform members whose networks have no more multiply-accumulates than the median member are scored by Zen-Score; the
best {100 * BEST:.0f} % are the corpus. *Among the best*: the share of new members, of {DRAWS:,} draws, that keep the
limit and reach the score of the corpus; {JUDGED} of those that keep it are scored. By chance it is half of
{100 * BEST:.0f} %."""

FEW = f"""\
## Few uniform members

So many members of `{FEW_SPACE}` to learn from, {FEW_SECONDS:.0f} CPU seconds of training of each language model.
*Nats*: of {FRESH:,} other members, as few are held out."""

ABLATION = f"""\
## What learned codes see

The corpus of `{ABLATED}` again, by `vq` with one change at a time. By default a code sees its node and the links into
it. The first row is that of the table above, of the same seeds."""

PUBLISHED = """\
## All scored members of ENAS' six layers

19,020 of them, nine tenths trained on. D-VAE, a variational autoencoder, is remembered with 100 % valid, 37 % unique
and 100 % novel draws on this space; that was not measured here."""

RECOMMENDED = """\
## Recommended settings

What `archllm train SPACE` takes. Targets: at least 99.5 % of the draws valid, 99.9 % of held-out members given back,
and at most 1 % of ln(size) above it. *Checked*: different members, each looked at, as `archllm sample` gives them."""

BUILT = """\
## Members as networks

Uniform members, their networks built with the small setting that candidates of a search have, in evaluation mode, and
run on two images: 10 finite logits for each are right."""

SETTINGS = """\
### The same settings with each tokenizer"""

LONG = 50
"""Plain tokens of a member from which on learned codes are to be shorter, faster and no worse."""

SHORT = 20
"""Tokens of a member up to which four times as many checked members a second are asked for as for longer ones."""

LOSSLESS = 0.99
"""Share of held-out members that a tokenizer has to give back for its likelihood to be one of members."""

TARGETS = f"""\
## Targets

Learned codes are held against `plain` in spaces whose members have {LONG} plain tokens or more. *Among the best*: a
share of the new draws; *new*: of the valid ones. What is not in the table was not measured."""

PUBLISHED_NAMES, PUBLISHED_BOUNDS = ("valid", "unique", "novel"), (0.999, 0.99, 0.98)

HEAD = ["tokenizer", "seeds", "tokens", "vocabulary", "reconstruction", "nats", "uniform", "valid", "distinct", "novel"]


def page(results: list[Result]) -> str:
    """The page."""
    parts = ["# Large spaces and corpora", INTRO]
    parts_of = ("corpus", "good", "ablation", "published", "uniform", "few", "recommended", "settings")
    corpus, good, ablation, published, uniform, few, recommended, tried = (of(results, part=part) for part in parts_of)
    if corpus:
        parts += [CORPUS, *_spaces(corpus)]
    if good:
        parts += [GOOD, *_spaces(good)]
    if ablation:
        parts += [ABLATION, _ablation(ablation, of(corpus, space=ABLATED, tokenizer="vq"))]
    if published:
        parts += [PUBLISHED, *(_table(published, str(n)) for n in (1_000, 10_000))]
    if uniform:
        parts += [UNIFORM, *_spaces(uniform)]
    if few:
        parts.append(FEW)
        for members in sorted({result["members"] for result in few}):
            own = of(few, members=members)
            parts += [f"### {members:,} members", _table(own, str(DRAWS)), _verdict(own)]
    if recommended or tried:
        parts.append(RECOMMENDED)
        parts += [_recommended(recommended)] * bool(recommended)
        parts += [SETTINGS, _recommended(tried)] * bool(tried)
    if built := of(results, part="built"):
        parts += [BUILT, _built(built)]
    parts += [TARGETS, _targets(results)]
    return "\n\n".join([*parts, notes("large_spaces"), "## How it was measured", provenance(results)]) + "\n"


def _spaces(results: list[Result]) -> list[str]:
    found = []
    for space in dict.fromkeys(result["space"] for result in results):
        own = of(results, space=space)
        found += [f"### `{space}`", _table(own, str(DRAWS)), _verdict(own)]
        if "corpus" in own[0]:
            found.append(_scored(own[0]))
    return found


def _scored(result: Result) -> str:
    """How large a corpus of good members is, and what it cost."""
    return (
        f"{result['scored']:,} members were scored, {result['seconds_each']:.2f} CPU seconds each; "
        f"{result['corpus']} are the corpus, of which {result['held_out']} are held out."
    )


def _ablation(results: list[Result], default: list[Result]) -> str:
    """A row for each change, below one without any."""
    seeds = {result["seed"] for result in results}
    groups = {"no change": [result for result in default if result["seed"] in seeds]}
    groups |= {change: of(results, change=change) for change in dict.fromkeys(one["change"] for one in results)}
    head = [*HEAD, "among the best", "draws a CPU second", "CPU seconds of training"]
    head[0], head[7] = "change", f"valid of {DRAWS:,}"
    rows = [[change, *_row("vq", own, str(DRAWS), True)[1:]] for change, own in groups.items() if own]
    return markdown(head, rows)


def _table(results: list[Result], draws: str) -> str:
    best = any("best" in result for result in results)
    head = [*HEAD, *(["among the best"] if best else []), "draws a CPU second", "CPU seconds of training"]
    head[7] = f"valid of {int(draws):,}"
    rows = [_row(kind, own, draws, best) for kind in TITLES if (own := of(results, tokenizer=kind))]
    return markdown(head, rows)


def _recommended(results: list[Result]) -> str:
    rows = []
    for space, kind in dict.fromkeys((result["space"], result["kind"]) for result in results):
        own = of(results, space=space, kind=kind)
        valid, back = [result["draws"][str(DRAWS)]["valid"] for result in own], [one["reconstruction"] for one in own]
        above = [(result["nats"] - result["ideal_nats"]) / result["ideal_nats"] for result in own]
        met = min(valid) >= 0.995 and min(back) >= 0.999 and max(above) <= 0.01
        row = [f"`{space}`", f"`{kind}`", str(len(own)), spread((result["tokens"] for result in own), 1)]
        row += [percent(back), percent(above), percent(valid), "met" if met else "missed"]
        row.append(spread((result["draws_per_cpu_second"] for result in own), 0))
        checked = [result["checked_per_cpu_second"] for result in own if "checked_per_cpu_second" in result]
        row.append(spread(checked, 0) if checked else NONE)
        rows.append([*row, spread((result["train_cpu_seconds"] for result in own), 0)])
    head = ["space", "tokenizer", "seeds", "tokens", "reconstruction", "nats above ln(size)", f"valid of {DRAWS:,}"]
    head += ["each seed", "draws a CPU second", "checked members a CPU second", "CPU seconds of training"]
    return markdown(head, rows)


def _built(results: list[Result]) -> str:
    rows = []
    for space in dict.fromkeys(result["space"] for result in results):
        own = of(results, space=space)
        members, right = (sum(result[key] for result in own) for key in ("built", "right"))
        each = spread((1_000 * result["seconds_each"] for result in own), 0)
        rows.append([f"`{space}`", f"{members:,}", f"{right:,}", each])
    return markdown(["space", "members", "right", "CPU ms each"], rows)


def _row(kind: str, own: list[Result], draws: str, best: bool) -> list[str]:
    quality = [result["draws"][draws] for result in own]
    seconds = [sum(value for name, value in result.items() if name.endswith("cpu_seconds")) for result in own]
    row = [
        TITLES[kind],
        str(len(own)),
        spread((result["tokens"] for result in own), 1),
        spread((result["vocabulary"] for result in own), 0),
        percent(result["reconstruction"] for result in own),
        spread((result["nats"] for result in own), 2) if _lossless(own) else NONE,
        f"{own[0]['ideal_nats']:.2f}",
        percent(each["valid"] for each in quality),
        percent(each["unique"] for each in quality),
        percent(each["novel"] for each in quality),
    ]
    if best:
        shares = [result["best"]["share"] for result in own if result.get("best")]
        row.append(percent(shares, 0) if shares and None not in shares else NONE)
    return [*row, spread((result["draws_per_cpu_second"] for result in own), 0), spread(seconds, 0)]


def _verdict(own: list[Result]) -> str:
    """How the others compare with plain tokens, seed by seed: the split and the members are the same."""
    nats = {(result["tokenizer"], result["seed"]): result["nats"] for result in own if _lossless([result])}
    told = []
    for kind in TOKENIZERS[1:]:
        pairs = [
            nats[kind, seed] - value
            for (other, seed), value in nats.items()
            if other == "plain" and (kind, seed) in nats
        ]
        if pairs:
            seeds = f"{len(pairs)} seed{'s' if len(pairs) > 1 else ''}"
            told.append(f"`{kind}` {spread(pairs, 2)} ({seeds})")
    if not told:
        return "No other tokenizer is measured beside plain tokens."
    return f"Nats above those of `plain`, same seed; below 0 is better: {', '.join(told)}."


def _lossless(own: list[Result]) -> bool:
    return all(result["reconstruction"] >= LOSSLESS for result in own)


def _targets(results: list[Result]) -> str:
    """What was to be reached and what was."""
    rows: list[list[str]] = []
    uniform = of(results, part="uniform")
    for space in dict.fromkeys(result["space"] for result in uniform):
        plain = of(uniform, space=space, tokenizer="plain")
        if plain and _mean(plain, "tokens") >= LONG:
            for kind in TOKENIZERS[1:]:
                if own := of(uniform, space=space, tokenizer=kind):
                    rows += _against(f"`{space}`, `{kind}`", own, plain)
    for result in (*of(results, part="recommended"), *of(results, part="settings")):
        above = result["nats"] / result["ideal_nats"] - 1
        found = (result["draws"][str(DRAWS)]["valid"], result["reconstruction"], above)
        met = found[0] >= 0.995 and found[1] >= 0.999 and above <= 0.01 and result["train_cpu_seconds"] <= 2 * 1_200
        told = " / ".join(f"{100 * each:.2f} %" for each in found) + f" / {result['train_cpu_seconds'] / 60:.0f} min"
        name = f"`{result['space']}`, `{result['kind']}`: valid / given back / above ln(size) / training"
        rows.append([name, "≥ 99.5 % / ≥ 99.9 % / ≤ 1 % / ≤ 40 CPU min", told, _word(met)])
        if checked := result.get("checked_per_cpu_second"):
            least = 2_000 if result["tokens"] <= SHORT else 500
            name = f"`{result['space']}`, `{result['kind']}`: checked members a CPU second"
            rows.append([name, f"≥ {least:,}", f"{checked:,.0f}", _word(checked >= least)])
    for result in of(results, part="built"):
        name, told = f"`{result['space']}`: networks that build and run", f"{result['right']:,} of {result['built']:,}"
        rows.append([name, "all", told, _word(result["right"] == result["built"])])
    for part in ("corpus", "good"):
        own = [result for result in of(results, part=part) if (result.get("best") or {}).get("share") is not None]
        for space, kind in dict.fromkeys((result["space"], result["tokenizer"]) for result in own):
            group = of(own, space=space, tokenizer=kind)
            share = mean_std([result["best"]["share"] for result in group])[0]
            novel = mean_std([result["draws"][str(DRAWS)]["novel"] for result in group])[0]
            told = f"{100 * share:.0f} % / {100 * novel:.1f} %"
            name = f"good members of `{space}`, `{kind}`: among the best / new"
            rows.append([name, "≥ 50 % / ≥ 90 %", told, _word(share >= 0.5 and novel >= 0.9, 0.5 - share)])
    for kind in TITLES:
        if own := of(results, part="published", tokenizer=kind):
            for n in ("1000", "10000"):
                shares = [mean_std([one["draws"][n][name] for one in own])[0] for name in PUBLISHED_NAMES]
                met = all(value >= bound for value, bound in zip(shares, PUBLISHED_BOUNDS, strict=True))
                told = " / ".join(f"{100 * value:.2f}" for value in shares) + " %"
                name = f"`enas6`, `{kind}`, {int(n):,} draws: valid / unique / novel"
                rows.append([name, "≥ 99.9 / 99 / 98 %", told, _word(met, 0.999 - shares[0])])
    return markdown(["what", "target", "measured", "verdict"], rows)


def _against(name: str, own: list[Result], plain: list[Result]) -> list[list[str]]:
    """Length and speed, fit and validity of learned codes against plain tokens."""
    tokens = _mean(own, "tokens") / _mean(plain, "tokens")
    speed = _mean(own, "draws_per_cpu_second") / _mean(plain, "draws_per_cpu_second")
    valid = [mean_std([one["draws"][str(DRAWS)]["valid"] for one in group])[0] for group in (own, plain)]
    nats = _mean(own, "nats") - _mean(plain, "nats")
    shorter = [f"{name}: tokens / draws a CPU second", "≤ half / ≥ twice", f"{tokens:.2f} / {speed:.1f} times"]
    if not _lossless(own):
        no_worse = [f"{name}: given back", "≥ 99.9 %", percent(one["reconstruction"] for one in own), "missed"]
        return [[*shorter, _word(tokens <= 0.5 and speed >= 2)], no_worse]
    told = f"{nats:+.2f} nats / {100 * (valid[0] - valid[1]):+.1f} points"
    no_worse = [f"{name}: nats / validity", "not worse", told, _word(nats <= 0 and valid[0] >= valid[1])]
    return [[*shorter, _word(tokens <= 0.5 and speed >= 2)], no_worse]


def _mean(own: list[Result], key: str) -> float:
    return mean_std([result[key] for result in own])[0]


def _word(met: bool, short: float = 0.0) -> str:
    """Whether a target is met, and by what share it is missed."""
    return "met" if met else f"missed by {100 * short:.1f} points" if short > 0 else "missed"
