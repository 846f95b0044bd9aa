"""The public cases of svZeroDSolver as networks of blocks, and their reference solutions."""

import json

import numpy as np

from cardiotwin.circulation.blocks import (
    CoronaryBed,
    ElasticChamber,
    Gate,
    Junction,
    Resistor,
    Source,
    Tube,
    Windkessel,
)
from cardiotwin.circulation.elements import activation
from cardiotwin.circulation.network import Network


def given(values, period):
    """Return a periodic piecewise linear course."""
    return lambda time: float(np.interp(time % period, values["t"], values["last"]))


def condition(row):
    """Return the block of a boundary condition."""
    kind, v = row["bc_type"], row["bc_values"]
    period = v["t"][-1] if "t" in v else 1.0
    if kind in ("FLOW", "PRESSURE"):
        course = {"t": v["t"], "last": v["Q" if kind == "FLOW" else "P"]}
        return Source(value=given(course, period), kind=kind.lower())
    if kind == "RCR":
        return Windkessel(proximal=v["Rp"], distal=v["Rd"], compliance=v["C"], beyond=v["Pd"])
    if kind == "RESISTANCE":
        return Resistor(resistance=v["R"], beyond=v["Pd"])
    if kind == "CORONARY":
        resistance = v["Ra2"]

        def micro(_time):
            return resistance
    else:
        low, high = np.sqrt(v["Ra2_min"]), np.sqrt(v["Ra2_max"])

        def micro(time):
            share = activation(time % period, (v["T_vc"], v["T_vr"]), period, np)
            return float(low + (high - low) * share) ** 2

    return CoronaryBed(
        arterial=v["Ra1"],
        micro=micro,
        venous=v["Rv1"],
        arterial_compliance=v["Ca"],
        wall_compliance=v["Cc"],
        squeeze=given({"t": v["t"], "last": v["Pim"]}, period),
        beyond=v["P_v"],
    )


def chamber(row, period):
    """Return the block of a chamber."""
    v, f = row["values"], row["activation_function"]
    if f["type"] == "half_cosine":
        onset, durations = f["t_active"], (f["t_twitch"] / 2, f["t_twitch"] / 2)
    else:
        onset, durations = f["contract_start"], (f["contract_duration"], f["relax_duration"])

    def share(time):
        return float(activation(time - onset, durations, period, np))

    if row["type"] == "LinearElastanceChamber":
        return ElasticChamber(
            elastance=lambda time: v["Epass"] + v["Emax"] * share(time),
            unstressed=lambda _time: v["Vrest"],
        )
    return ElasticChamber(
        elastance=lambda time: v["Emin"] + (v["Emax"] - v["Emin"]) * share(time),
        unstressed=lambda time: v["Vrs"] + (1 - share(time)) * (v["Vrd"] - v["Vrs"]),
        inertance=v["Impedance"],
    )


def valve(row):
    """Return the block of a valve."""
    v = row["params"]
    if row["type"] == "PiecewiseValve":
        return Gate(law="sharp", low=v["Rmin"], high=v["Rmax"], width=0.0)
    return Gate(law="tanh", low=v["Rmin"], high=v["Rmax"], width=1 / v["Steepness"])


def network(case, period):
    """Return the network of a case."""
    blocks, wires, by_id = {}, [], {}
    for row in case["boundary_conditions"]:
        blocks[row["bc_name"]] = condition(row)
    for row in case["vessels"]:
        name, v = row["vessel_name"], row["zero_d_element_values"]
        by_id[row["vessel_id"]] = name
        blocks[name] = Tube(
            resistance=v["R_poiseuille"],
            compliance=v.get("C", 0.0),
            inertance=v.get("L", 0.0),
            stenosis=v.get("stenosis_coefficient", 0.0),
        )
        ends = row.get("boundary_conditions", {})
        wires += [(ends["inlet"], name)] if "inlet" in ends else []
        wires += [(name, ends["outlet"])] if "outlet" in ends else []
    for row in case.get("chambers", ()):
        blocks[row["name"]] = chamber(row, period)
    for row in case.get("valves", ()):
        blocks[row["name"]] = valve(row)
        wires.append((row["params"]["upstream_block"], row["name"]))
        wires.append((row["name"], row["params"]["downstream_block"]))
    for row in case.get("junctions", ()):
        name = row["junction_name"]
        blocks[name] = Junction()
        into = row.get("inlet_blocks", [by_id[i] for i in row.get("inlet_vessels", ())])
        out = row.get("outlet_blocks", [by_id[i] for i in row.get("outlet_vessels", ())])
        wires += [(one, name) for one in into] + [(name, one) for one in out]
    return Network(blocks=blocks, wires=tuple(wires))


def load(folder, name):
    """Return a case, its network, its period and its step."""
    case = json.loads((folder / f"{name}.json").read_text())
    settings = case["simulation_parameters"]
    clocks = [
        row["bc_values"]["t"][-1] for row in case["boundary_conditions"] if "t" in row["bc_values"]
    ]
    period = settings.get("cardiac_period", clocks[0] if clocks else 1.0)
    step = period / (settings["number_of_time_pts_per_cardiac_cycle"] - 1)
    return case, network(case, period), period, step


def reference(folder, name):
    """Return the reference courses by (quantity, from, to) or (quantity, vessel)."""
    rows = json.loads((folder / f"result_{name}.json").read_text())
    names = np.array(list(rows["name"].values()))
    columns = {key: np.array(list(rows[key].values())) for key in rows if key != "name"}
    found = {}
    for one in dict.fromkeys(names.tolist()):
        here = names == one
        if "y" in columns:
            found[tuple(one.split(":"))] = columns["y"][here]
        else:
            for key in ("flow_in", "flow_out", "pressure_in", "pressure_out"):
                found[key, one] = columns[key][here]
    return found


def start(case, net):
    """Return the state of a case's initial conditions, nothing else known being zero."""
    y = np.zeros(net.size)
    for key, value in case["initial_condition"].items():
        words = key.split(":")
        if words[0] == "Vc":
            y[net.own[words[1]]] = value
        elif tuple(words[1:]) in net.wires:
            y[net.pressure(tuple(words[1:])) + (words[0] == "flow")] = value
    return y


def miss(net, rows, wanted):
    """Return the largest difference from the reference's last rows by quantity, as a share."""
    misses = {}
    for key, course in wanted.items():
        if key[0] in ("flow_in", "pressure_in"):
            place = next(i for i, wire in enumerate(net.wires) if wire[1] == key[1])
        elif key[0] in ("flow_out", "pressure_out"):
            place = next(i for i, wire in enumerate(net.wires) if wire[0] == key[1])
        elif key[0] == "Vc":
            place = None
        elif key[1:] in net.wires:
            place = list(net.wires).index(key[1:])
        else:
            continue
        column = net.own[key[1]].start if place is None else 2 * place + key[0].startswith("flow")
        found = rows[-len(course) :, column]
        misses[key] = np.abs(found - course).max() / np.abs(course).max()
    return misses


def settled(case, net, y, step, n_steps):
    """Return the state after some steps under the means of what is given in time."""
    blocks = dict(net.blocks)
    for row in case["boundary_conditions"]:
        if row["bc_type"] in ("FLOW", "PRESSURE"):
            v = row["bc_values"]
            mean = np.trapezoid(v["Q" if row["bc_type"] == "FLOW" else "P"], v["t"]) / v["t"][-1]
            blocks[row["bc_name"]] = Source(
                value=lambda _, mean=mean: mean, kind=row["bc_type"].lower()
            )
    return Network(blocks=blocks, wires=net.wires).run(y, step, n_steps)[-1]
