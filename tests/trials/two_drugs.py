"""Pain under two drugs, a and b, that trials of several tests share; each sets its own numbers."""

MODEL = """
title = "pain and sleepiness under two drugs"
outputs = ["pain", "sleepy"]
[dose]
a = { unit = "mg", f = "share", lag = "late" }
b = { unit = "mg", lag = "late" }
[benefit]
outcome = "pain"
better  = "lower"
into    = "a"
every   = "24 h"
doses   = "0.1:100 mg"
delta   = "0.5"
[parameters]
k     = { unit = "1/h", @k }
slow  = { unit = "1", @slow }
share = { unit = "1", @share }
half  = { unit = "mg", @half }
most  = { unit = "NRS", @most }
usual = { unit = "NRS", @usual }
late  = { unit = "h", @late }
[equations]
e = '''
d/dt(a) = -k*a                                           : mg
d/dt(b) = -slow*k*b                                      : mg
pain    = usual - most*(a/(half + a) + b/(half + b))     : NRS
sleepy  = 10*(a + b)/(4*half + a + b)                    : 1
'''
"""
NUMBERS = {
    "k": "value = 0.2, iiv = { cv = 0.3 }",
    "slow": "value = 0.5",
    "share": "value = 1.0",
    "half": "value = 3.0",
    "most": "value = 2.5",
    "usual": "value = 6.0",
    "late": "value = 0.7",
}
# a diary without noise, in which nobody leaves
QUIET = dict.fromkeys(("noise_sd", "placebo_max", "missing", "missed", "late", "step"), 0)
QUIET |= dict.fromkeys(("leave_adverse", "leave_random", "leave_no_benefit"), 0)


def written(folder, **numbers):
    """Path of the model, two.toml in a folder.

    numbers : value and variability of a parameter in place of those above, as TOML
    """
    text = MODEL
    for name, number in (NUMBERS | numbers).items():
        origin = 'label = "", source = "test", evidence = "assumed"'
        text = text.replace(f"@{name} }}", f"{number}, {origin} }}")
    path = folder / "two.toml"
    path.write_text(text)
    return path
