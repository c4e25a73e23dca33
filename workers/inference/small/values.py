"""The values in questions, and the split that keeps the held-out values out of training.

A value is held out by a checksum of its text, so the split needs no list and no state: a name, a city, a coined word
or a number of two digits or more always belongs to the same side. Digits, days, months, trades and colours are closed
lists that both sides use.
"""

import random
import re
import zlib
from dataclasses import dataclass

PEOPLE = """
Ada Adam Agnes Aiko Alan Albert Alice Amara Amir Ana Anders Andre Anita Anna Anton Arthur Astrid Aya Bao Beatrice Ben
Bianca Bob Boris Brigitte Bruno Camille Carla Carlos Cecilia Charlie Chen Chiara Chloe Clara Colin Dana Daniel Daria
David Diego Dimitri Dora Edgar Edith Elena Eli Elias Ella Emil Emma Eric Erika Esther Eva Farah Fatima Felix Fiona
Florian Frank Freya George Gita Grace Greta Gustav Hana Hannah Hans Harry Hassan Helen Henry Hugo Ida Igor Ines Ingrid
Irene Isaac Ivan Jack Jakob James Jane Jasmin Jim Joan Joe John Jonas Jorge Josef Judith Julia Kai Karim Karl Kate
Kenji Kofi Lara Lars Laura Layla Lea Leo Lena Lin Linda Lisa Lola Louis Lucas Lucy Luis Maja Marco Maria Marie Mario
Mark Marta Martin Mary Max Maya Mehmet Mia Michael Miguel Mika Mira Mohamed Nadia Naomi Nelson Nina Noah Nora Olaf
Olga Oliver Omar Oscar Otto Pablo Pat Paul Paula Pedro Peter Petra Philip Pia Quinn Rachel Raj Ravi Rebecca Rita Robert
Rosa Ruth Sam Samir Sandra Sara Sean Selma Simon Sofia Sonja Stefan Susan Sven Tanja Tara Teresa Theo Thomas Tim Tina
Tom Uma Ursula Vera Victor Viktoria Walter Wanda Wei William Xavier Yara Yuki Yusuf Zara Zoe
""".split()

CITIES = """
Aarhus Antwerp Auckland Austin Bangalore Barcelona Basel Bergen Bilbao Bologna Bordeaux Boston Bremen Brno Bristol
Calgary Cardiff Casablanca Chicago Cologne Cork Cusco Dallas Delft Denver Detroit Dresden Dubai Durban Edinburgh Essen
Florence Geneva Genoa Ghent Glasgow Gothenburg Graz Hamburg Houston Istanbul Jaipur Karachi Kazan Kobe Kyoto Lagos Leeds
Leipzig Lille Linz Liverpool Lucerne Lyon Malaga Manchester Marseille Medina Melbourne Memphis Miami Milan Montreal
Mumbai Munich Mombasa Nagoya Nantes Naples Nice Odense Oporto Osaka Palermo Perth Pisa Plymouth Porto Phoenix Quebec
Rotterdam Salzburg Samara Seattle Seville Shanghai Split Stavanger Stuttgart Sydney Tampere Toronto Toulouse Trieste
Trondheim Turin Turku Utrecht Valencia Vancouver Venice Verona York Zurich
""".split()

CAPITALS = {
    "Argentina": "Buenos Aires", "Australia": "Canberra", "Austria": "Vienna", "Belgium": "Brussels",
    "Brazil": "Brasilia", "Canada": "Ottawa", "Chile": "Santiago", "China": "Beijing", "Cuba": "Havana",
    "Denmark": "Copenhagen", "Egypt": "Cairo", "England": "London", "Finland": "Helsinki", "France": "Paris",
    "Germany": "Berlin", "Greece": "Athens", "Hungary": "Budapest", "Iceland": "Reykjavik", "India": "New Delhi",
    "Ireland": "Dublin", "Italy": "Rome", "Japan": "Tokyo", "Kenya": "Nairobi", "Mexico": "Mexico City",
    "Netherlands": "Amsterdam", "Norway": "Oslo", "Peru": "Lima", "Poland": "Warsaw", "Portugal": "Lisbon",
    "Russia": "Moscow", "Spain": "Madrid", "Sweden": "Stockholm", "Turkey": "Ankara", "Ukraine": "Kyiv",
}

NOUNS = """
apples bags baskets bees bells bicycles birds boats books bottles boxes bricks buckets candles cards carpets cats chairs
clocks coats coins cows cups dogs dolls drums ducks eggs fish flowers forks goats guitars hammers hats hens horses jars
keys kites knives lamps lemons letters maps melons mirrors onions oranges paintings pears pens phones pigs pillows plates
plums pots potatoes rabbits radios ribbons rings ropes roses sheep shells shirts shoes spoons stamps stones tables tents
tickets tomatoes towels toys trees tulips umbrellas vases violins watches wheels windows
""".split()

DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
MONTHS = "January February March April May June July August September October November December".split()
COLOURS = "black blue brown gold green grey orange pink purple red silver white yellow".split()
TRADES = """
a baker, a barber, a carpenter, a chemist, a clerk, a cook, a dancer, a doctor, a driver, a farmer, a fisher, a gardener,
a judge, a lawyer, a librarian, a mason, a miner, a nurse, a painter, a pilot, a plumber, a poet, a sailor, a singer,
a tailor, a teacher, a waiter, a weaver, an actor, an architect, an artist, an engineer, an editor
""".replace("\n", " ").strip().split(", ")

FORENAMES_OF_TOWNS = ["New", "Port", "San", "Saint", "Fort", "East", "North", "Los", "Bad"]
ONSETS = """b c d f g h j k l m n p r s t v w z b d k l m n r s t br ch cl cr dr fl fr gl gr kl kr ph pl pr qu sh sk sl
sm sn sp st sw th tr v wh x y z""".split()
VOWELS = "a e i o u a e i o a e i o ai au ea ee ei ia ie io oa oo ou ue y".split()
CODAS = [""] * 24 + "b ck d f g k l ll m n nd ng nn nt p r rd rk rl rn rt s sh ss st t th tt v x z".split()
WORD = re.compile(r"[A-Za-z]+|\d+")


@dataclass(frozen=True)
class Reach:
    """Maximum numbers in a text: letters in a coined word, people, facts about each person, things in a list.

    A plain text states each fact in the words of the answer, so that an answer is a sentence of the text.
    """

    letters: int
    people: int
    facts: int
    items: int
    plain: bool


LONG = Reach(letters=10, people=4, facts=3, items=6, plain=False)
SHORT = Reach(letters=6, people=3, facts=2, items=4, plain=True)


def is_held_out(value: str) -> bool:
    """Returns whether only held-out questions may ask about the value."""
    return zlib.crc32(value.encode()) % 8 == 0


class Values:
    """Chooses random values from one side of the split, and remembers those that only this side may use."""

    def __init__(self, rng: random.Random, reach: Reach, held_out: bool):
        self.rng = rng
        self.reach = reach
        self.held_out = held_out
        self.drawn: set[str] = set()
        self._people = [name for name in PEOPLE if is_held_out(name) == held_out]
        self._cities = [city for city in CITIES if is_held_out(city) == held_out]
        self._numbers = [n for n in range(1000) if (n >= 10 and is_held_out(str(n))) == held_out]

    def person(self) -> str:
        return self._remember(self.rng.choice(self._people) if self.rng.random() < 0.3 else self.coined().capitalize())

    def city(self) -> str:
        town = self.rng.choice(self._cities) if self.rng.random() < 0.5 else self.coined().capitalize()
        self._remember(town)
        return f"{self.rng.choice(FORENAMES_OF_TOWNS)} {town}" if self.rng.random() < 0.1 else town

    def things(self) -> str:
        return self.rng.choice(NOUNS) if self.rng.random() < 0.75 else self._remember(self.coined() + "s")

    def number(self, low: int, high: int) -> int:
        """Returns a number in low..=high. On the held-out side it has two digits or more, and high is at least 99."""
        high = max(high, 99) if self.held_out else high
        while True:
            n = self._numbers[int(self.rng.random() * len(self._numbers))] if high > 250 else self.rng.randint(low, high)
            if low <= n <= high and (n >= 10 and is_held_out(str(n))) == self.held_out:
                if n >= 10:
                    self._remember(str(n))
                return n

    def numbers(self, count: int, low: int, high: int) -> list[int]:
        """Returns different numbers in low..=high."""
        found: list[int] = []
        while len(found) < count:
            n = self.number(low, high)
            if n not in found:
                found.append(n)
        return found

    def coined(self) -> str:
        """Returns an invented word in lower case. Held-out words have two syllables or more, so they aren't English."""
        while True:
            pick = self.rng.choice
            syllables = pick((2, 2, 2, 3) if self.held_out else (1, 2, 2, 2, 3))
            word = "".join(pick(ONSETS) + pick(VOWELS) + pick(CODAS) for _ in range(syllables))
            if self.rng.random() < 0.2:
                word = word[1:] if word[0] not in VOWELS else word
            mine = all(is_held_out(w) == self.held_out for w in (word.capitalize(), word + "s"))
            if mine and 3 <= len(word) <= self.reach.letters:
                return word

    def _remember(self, value: str) -> str:
        self.drawn.add(value)
        return value
