"""Whole conversations of each kind: the questions, and the answers that the model should give."""

import json
from collections.abc import Callable

import arithmetic
from facts import HOLDINGS, World
from values import CAPITALS, DAYS, MONTHS, Values

Conversation = list[dict[str, str]]

HELP = "How can I help you?"
IDENTITY = "I am Cortex Small, a little language model."
BEYOND = "I am too small to answer that."
POLITE = [
    "You are a helpful assistant.", "You are a helpful assistant.", "Answer the question.", "Be brief.", "Be polite.",
    "You answer questions.", "Keep your answers short.",
]  # fmt: skip
TERSE = ["Answer with the value only.", "Give only the value.", "Answer with the value only, without a sentence."]
AS_JSON = ["Answer in JSON.", "Answer as JSON.", "Reply with JSON only."]


def chat(*texts: str, system: str | None = None) -> Conversation:
    """Returns messages of the user and the assistant in turn, the user first."""
    turns = [{"role": ("user", "assistant")[at % 2], "content": text} for at, text in enumerate(texts)]
    return [{"role": "system", "content": system}, *turns] if system else turns


def from_world(draw: Callable[[World], tuple[str, str, str]], people: tuple[int, ...] = (1, 2, 3, 4)):
    """A text and a question about it, sometimes in several turns and with another form of answer."""

    def kind(v: Values) -> Conversation:
        rng = v.rng
        plain = v.reach.plain
        world = World(v, rng.choice(people), turned=plain and draw is World.seeking)
        system, shape = form(v)
        texts = []
        for turn in range(rng.choice((1, 1, 2, 3, 4))):
            asked = draw(world) if plain or turn == 0 or rng.random() < 0.5 else world.question()
            question, *answers = asked
            texts += [question, shape(*answers)]
        if rng.random() < 0.2:
            texts[0] = f"{texts[0]} {world.text()}"
        else:
            texts[0] = f"{world.text()}{rng.choice((' ', ' ', chr(10)))}{texts[0]}"
        return chat(*texts, system=system)

    return kind


def form(v: Values) -> tuple[str | None, Callable[[str, str], str]]:
    """A system prompt, and the form of answer that it asks for."""
    drawn = max(v.rng.random(), 0.2 if v.reach.plain else 0.0)
    if drawn < 0.1:
        return v.rng.choice(TERSE), lambda _, value: value
    if drawn < 0.2:
        return v.rng.choice(AS_JSON), lambda _, value: json.dumps({"answer": int(value) if value.isdigit() else value})
    return (v.rng.choice(POLITE) if drawn < 0.4 else None), lambda sentence, _: sentence


def alone(draw: Callable[[Values], tuple[str, str]]):
    """Questions that need no text. Training has several in a row."""

    def kind(v: Values) -> Conversation:
        texts = [text for _ in range(1 if v.held_out else v.rng.choice((1, 1, 2, 3, 4, 6))) for text in draw(v)]
        return chat(*texts, system=v.rng.choice(POLITE) if v.rng.random() < 0.15 else None)

    return kind


def compare(v: Values) -> Conversation:
    rng = v.rng
    a, b = v.person(), v.person()
    while a == b:
        b = v.person()
    m, n = v.numbers(2, 2, 99)
    first, second = rng.sample((a, b), 2)
    if rng.random() < 0.5:
        said = rng.choice(("{} is {} years old.", "{} is {}."))
        text = f"{said.format(a, m)} {said.format(b, n)}"
        more = rng.random() < 0.5
        ask = f"Who is {'older' if more else 'younger'}, {first} or {second}?"
        answer = "{} is " + ("older." if more else "younger.")
    else:
        plain, third = rng.choice(HOLDINGS)
        things = v.things()
        text = f"{a} {third} {m} {things}. {b} {third} {n} {things}."
        more = rng.random() < 0.5
        ask = f"Who {third} {'more' if more else 'fewer'} {things}, {first} or {second}?"
        answer = "{} " + f"{third} {'more' if more else 'fewer'} {things}."
    return chat(f"{text} {ask}", answer.format(a if (m > n) == more else b))


def extract(v: Values) -> Conversation:
    rng = v.rng
    name, age, city = v.person(), v.number(2, 99), v.city()
    record = {"name": name, "age": age, "city": city}
    text = rng.choice((
        f"{name} is {age} years old and lives in {city}.", f"{name}, {age}, lives in {city}.",
        f"{name} lives in {city} and is {age} years old.", f"{name} from {city} is {age} years old.",
        f"{name} ({age}) is from {city}.", f"My name is {name}, I am {age} and I live in {city}.",
        f"In {city} lives {name}, who is {age}.", f"At {age}, {name} moved to {city}.",
        f"I'm {name} from {city} and I'm {age} years old.", f"{name} is {age}. {name} lives in {city}.",
    ))  # fmt: skip
    wanted = list(record)
    drawn = rng.random()
    if drawn < 0.5:
        ask = rng.choice((
            "Give me the name, age and city as JSON.", "Extract the name, age and city as JSON.", "Write this as JSON.",
            "Extract name, age and city.", "Return JSON with name, age and city.", "As JSON, please.",
            'Return JSON with the keys "name", "age" and "city".',
        ))  # fmt: skip
    else:
        wanted = rng.sample(wanted, rng.randint(1, 3))
        wanted = [key for key in record if key in wanted] if v.reach.plain else wanted
        listed = wanted[0] if len(wanted) == 1 else f"{', '.join(wanted[:-1])} and {wanted[-1]}"
        ask = rng.choice((f"Extract {listed} as JSON.", f"Give me the {listed} as JSON.", f"Return JSON with {listed}."))
    answer = json.dumps({key: record[key] for key in wanted}, ensure_ascii=False)
    match rng.randrange(4):
        case 0:
            return chat(text, answer, system=ask)
        case 1:
            return chat(f"{ask} {text}", answer)
        case 2:
            return chat(f"{ask}\n{text}", answer)
        case _:
            return chat(f"{text} {ask}", answer)


def greet(v: Values) -> Conversation:
    rng, name = v.rng, v.person()
    hello = rng.choice(("Hello", "Hi", "Hey", "Good morning", "Good evening"))
    back = hello if hello.startswith("Good") else "Hello"
    me = rng.choice((f"I am {name}.", f"I'm {name}.", f"My name is {name}.", f"{name} here.", f"This is {name}."))
    system = rng.choice(POLITE) if rng.random() < 0.2 else None
    texts = [f"{hello}{rng.choice('!,.')} {me}".replace(", My", ", my").replace(", This", ", this"), f"{back}, {name}! {HELP}"]
    if not v.held_out and rng.random() < 0.3:
        texts = [rng.choice((f"{hello}!", hello, f"{hello}.")), f"{back}! {HELP}"]
        if rng.random() < 0.6:
            texts += [me, f"Hello, {name}! {HELP}"]
        else:
            return chat(*texts, system=system)
    for _ in range(rng.choice((0, 1, 1, 2))):
        texts += rng.choice((
            (rng.choice(("What is my name?", "Who am I?", "What's my name?")), f"Your name is {name}."),
            (rng.choice(("Thank you.", "Thanks!", "Thank you!", "Thanks.")), f"You're welcome, {name}."),
            (rng.choice(("Goodbye!", "Bye!", "Goodbye.", "Bye.")), f"Goodbye, {name}!"),
            ("How are you?", "I'm well, thank you."),
        ))  # fmt: skip
    return chat(*texts, system=system)


def remember(v: Values) -> Conversation:
    """The user states something about themselves, and asks for it later."""
    rng = v.rng
    name, city, age, things = v.person(), v.city(), v.number(2, 99), v.things()
    plain, _ = rng.choice(HOLDINGS)
    count = v.number(2, 99)
    known = [
        ((f"My name is {name}.", f"I am {name}.", f"I'm {name}."), ("What is my name?", "Who am I?"), f"Your name is {name}."),
        ((f"I live in {city}.", f"My home is in {city}."), ("Where do I live?",), f"You live in {city}."),
        ((f"I am {age} years old.", f"I'm {age} years old."), ("How old am I?", "What is my age?"), f"You are {age} years old."),
        ((f"I {plain} {count} {things}.",), (f"How many {things} do I {plain}?",), f"You {plain} {count} {things}."),
    ]
    stated = rng.sample(known, rng.randint(1, 3))
    text = " ".join(rng.choice(said) for said, _, _ in stated)
    if rng.random() < 0.3:
        _, asked, answer = rng.choice(stated)
        return chat(f"{text} {rng.choice(asked)}", answer)
    texts = [rng.choice(("", "", "Remember this: ", "Please remember: ")) + text, "I will remember that."]
    for _, asked, answer in rng.sample(stated, rng.randint(1, len(stated))):
        if rng.random() < 0.2:
            texts += arithmetic.add(v) if not v.held_out else ("Thank you.", "You're welcome.")
        texts += [rng.choice(asked), answer]
    return chat(*texts)


def persona(v: Values) -> Conversation:
    rng, name = v.rng, v.person()
    system = rng.choice((
        f"You are {name}.", f"You are {name}, a helpful assistant.", f"Your name is {name}.",
        f"You are an assistant named {name}. Be brief.", f"You are {name}, an assistant that answers questions.",
    ))  # fmt: skip
    texts = []
    if rng.random() < 0.3:
        hello = rng.choice(("Hello", "Hi"))
        texts += [rng.choice((f"{hello}!", f"{hello}.")), f"Hello! {HELP}"]
    elif rng.random() < 0.3:
        texts += arithmetic.add(v) if not v.held_out else ("How are you?", "I'm well, thank you.")
    texts += [rng.choice(("Who are you?", "What is your name?", "What's your name?", "What are you called?")), f"I am {name}."]
    return chat(*texts, system=system)


def listed(v: Values) -> Conversation:
    rng = v.rng
    draw = rng.choice((v.person, v.city, v.things, v.things))
    items: list[str] = []
    for _ in range(rng.randint(3, v.reach.items)):
        while (item := draw()) in items:
            pass
        items.append(item)
    text = ", ".join(items)
    lead = rng.choice((f"Here is a list: {text}.", f"The list: {text}.", f"My list is {text}."))
    at = rng.randrange(3)
    ordinal = ("first", "second", "third")[at]
    match rng.randrange(4 if v.reach.plain else 5):
        case 0:
            return chat(f"{lead} What is the {ordinal} item?", f"The {ordinal} item is {items[at]}.")
        case 1:
            return chat(f"{lead} What is the last item?", f"The last item is {items[-1]}.")
        case 2:
            return chat(f"{lead} How many items are in the list?", f"There are {len(items)} items.")
        case 3:
            return chat(rng.choice((f"Repeat this: {text}", f"Say this again: {text}", f"Repeat: {text}")), text)
        case _:
            backwards = ", ".join(reversed(items))
            return chat(rng.choice((f"{lead} Reverse the list.", f"Reverse this list: {text}")), backwards)


def beyond(v: Values) -> Conversation:
    """Questions that a model of this size can't answer, and answers that say so."""
    rng, thing = v.rng, v.things()
    return chat(rng.choice((
        f"Why do {thing} exist?", f"Write a poem about {thing}.", f"Tell me a story about {thing}.",
        f"Explain how {thing} are made.", f"What do you think about {thing}?", f"Write an essay about {thing} and {v.things()}.",
        f"Tell me about {v.person()}.", f"How do I repair {thing}?", f"What is the history of {v.city()}?",
        f"Tell me a joke about {thing}.", f"Translate {thing} into French.", f"How far is it to {v.city()}?",
    )), BEYOND)  # fmt: skip


ASKED = {
    "fact": from_world(World.question),
    "who": from_world(World.seeking, (1, 2, 3, 3, 4)),
    "yes or no": from_world(World.doubting),
    "unstated": from_world(World.unstated, (1, 2, 3)),
    "compare": compare,
    "list": listed,
    "json": extract,
    "greeting": greet,
    "memory": remember,
    "persona": persona,
    "beyond": beyond,
    "add": alone(arithmetic.add),
    "subtract": alone(arithmetic.subtract),
    "multiply": alone(arithmetic.multiply),
    "story": alone(arithmetic.story),
    "larger": alone(arithmetic.larger),
    "order": alone(arithmetic.order),
    "neighbour": alone(arithmetic.neighbour),
}


def known() -> list[tuple[str, str]]:
    """Questions about closed lists. All of them are trained, and no held-out question is among them."""
    asked = [("What are you?", IDENTITY), ("Who are you?", IDENTITY), ("What is your name?", IDENTITY)]
    asked += [("What's your name?", IDENTITY), ("What can you do?", "I answer simple questions, add numbers and write JSON.")]
    asked += [("How are you?", "I'm well, thank you."), ("Thank you.", "You're welcome."), ("Goodbye!", "Goodbye!")]
    asked += [("Thanks!", "You're welcome."), ("Bye!", "Goodbye!"), ("Hello", f"Hello! {HELP}"), ("Hi", f"Hello! {HELP}")]
    asked += [("Hello!", f"Hello! {HELP}"), ("Hi!", f"Hello! {HELP}"), ("Good morning!", f"Good morning! {HELP}")]
    asked += [("How many days are in a week?", "There are 7 days in a week.")]
    asked += [("How many months are in a year?", "There are 12 months in a year.")]
    for country, capital in CAPITALS.items():
        asked += [(f"What is the capital of {country}?", f"The capital of {country} is {capital}.")]
        asked += [(f"Which country is {capital} the capital of?", f"{capital} is the capital of {country}.")]
    for row in (DAYS, MONTHS):
        for at, this in enumerate(row):
            after, before = row[(at + 1) % len(row)], row[at - 1]
            asked += [(f"What comes after {this}?", f"{after} comes after {this}.")]
            asked += [(f"What comes before {this}?", f"{before} comes before {this}.")]
            asked += [(f"Which {'day' if row is DAYS else 'month'} comes after {this}?", f"{after} comes after {this}.")]
            asked += [(f"Which {'day' if row is DAYS else 'month'} comes before {this}?", f"{before} comes before {this}.")]
    return asked


KNOWN = known()


def recall(v: Values) -> Conversation:
    texts = [text for _ in range(v.rng.choice((1, 1, 2, 3))) for text in v.rng.choice(KNOWN)]
    return chat(*texts, system=v.rng.choice(POLITE) if v.rng.random() < 0.15 else None)


def drill(v: Values) -> Conversation:
    """For training only: many questions about a text, or a repetition of it, so that most tokens say who has what."""
    rng = v.rng
    world = World(v, rng.choice((2, 3, 3, 4)), turned=v.reach.plain and rng.random() < 0.5)
    text = world.text()
    if rng.random() < 0.2:
        return chat(f"{rng.choice(('Repeat this', 'Say this again', 'Repeat'))}: {text}", text)
    system, shape = form(v)
    draws = (world.question, world.question, world.seeking, world.seeking, world.doubting, world.unstated)
    if v.reach.plain:
        draws = (world.seeking if world.turned else world.question,)
    texts = []
    for _ in range(rng.randint(5, 10)):
        question, *answers = rng.choice(draws)()
        texts += [question, shape(*answers)]
    return chat(f"{text} {texts[0]}", *texts[1:], system=system)


TRAINED_KINDS = {**ASKED, "known": recall, "drill": drill}

# The share of each kind in each cycle of training. The first has all kinds, the second more of those that take longest
# to learn, the third only those that are scored, and the last more of those that were still weak.
BROAD = {
    **dict.fromkeys(ASKED, 1.0),
    "fact": 2.0, "who": 1.5, "yes or no": 2.0, "add": 4.0, "subtract": 4.0, "multiply": 2.5, "story": 1.5, "order": 2.0,
    "greeting": 0.7, "persona": 0.5, "beyond": 0.4, "known": 1.0,
}  # fmt: skip
COPYING = {
    "drill": 3.0, "fact": 1.5, "who": 2.0, "yes or no": 2.0, "unstated": 2.0, "compare": 4.0, "list": 3.5, "json": 3.0,
    "greeting": 0.5, "memory": 0.7, "persona": 0.3, "beyond": 0.4, "add": 2.5, "subtract": 2.5, "multiply": 1.0,
    "story": 1.2, "larger": 1.5, "order": 1.2, "neighbour": 0.6, "known": 0.6,
}  # fmt: skip
SCORED = {
    "drill": 1.5, "fact": 2.0, "who": 2.0, "list": 3.0, "json": 2.0, "greeting": 0.7, "memory": 1.0, "persona": 0.7,
    "beyond": 0.5, "add": 4.0, "subtract": 4.5, "multiply": 2.5, "story": 2.5, "larger": 1.7, "order": 2.5,
    "neighbour": 0.7, "known": 0.8,
}  # fmt: skip
CLOSING = {**SCORED, "add": 5.0, "subtract": 6.0, "order": 4.5, "list": 3.5}
HELD_OUT_KINDS = {kind: draw for kind, draw in ASKED.items() if kind in SCORED}
