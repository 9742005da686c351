"""R28: whatever a page says, it is drawn or refused by an OfdError."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from signing.ofd.document import OfdError, find_text
from signing.ofd.painters.qt import render
from tests.signing.ofd.micro import micro

NUMBERS = ("0", "-1", "2", "50", "90", "300000", "1e9", "-1e8", "nan", "inf", "")
ARRAYS = (
    "0 0 50 50",
    "0 0 0 0 0 0",
    "1 0 0 1 0 0",
    "1e-12 0 0 1e-12 0 0",
    "255 0 0",
    "0.0001 0.0001",
    "g 9999 1",
)
ODD = st.sampled_from([*NUMBERS, *ARRAYS, "true", "Even-Odd", "Multiply", "#zz", "Repeat", "Reflect"])
LINE = ("LineWidth", "Cap", "Join", "MiterLimit", "DashPattern", "DashOffset", "DrawParam")
OBJECT = ("Boundary", "CTM", "Alpha", "Stroke", "Rule", "Visible", "BlendMode", *LINE)
TEXT = ("Size", "HScale", "CharDirection", "ReadDirection", "Weight", "Italic", "Substitution", "ImageMask")
COLOR = ("Value", "ColorSpace", "Index", "Alpha", "Position")
SHADING = (
    "StartPoint",
    "EndPoint",
    "StartRadius",
    "EndRadius",
    "Extend",
    "MapType",
    "MapUnit",
    "Eccentricity",
)
RESOURCES = """
<ofd:Fonts><ofd:Font ID="50" FontName="宋体"/></ofd:Fonts>
<ofd:DrawParams><ofd:DrawParam ID="2" Relative="2"/></ofd:DrawParams>
<ofd:CompositeGraphicUnits><ofd:CompositeGraphicUnit ID="5" Width="1" Height="1"><ofd:Content>
<ofd:CompositeObject ResourceID="5"/></ofd:Content></ofd:CompositeGraphicUnit></ofd:CompositeGraphicUnits>
"""


def attributes(*names: str) -> st.SearchStrategy[str]:
    """Some of the attributes with odd values, as XML."""
    pairs = st.dictionaries(st.sampled_from(names), ODD, max_size=8)
    return pairs.map(lambda chosen: "".join(f' {name}="{value}"' for name, value in chosen.items()))


@st.composite
def paints(draw: st.DrawFn) -> str:
    """A colour with a shading."""
    name = draw(st.sampled_from(["FillColor", "StrokeColor"]))
    kind = draw(st.sampled_from(["AxialShd", "RadialShd", "Pattern"]))
    stop = f"<ofd:Segment{draw(attributes(*COLOR))}><ofd:Color{draw(attributes(*COLOR))}/></ofd:Segment>"
    shading = f"<ofd:{kind}{draw(attributes(*SHADING))}>{stop * 2}</ofd:{kind}>"
    inner = shading if draw(st.booleans()) else ""
    return f"<ofd:{name}{draw(attributes(*COLOR))}>{inner}</ofd:{name}>"


@st.composite
def units(draw: st.DrawFn) -> str:
    """A graphic unit of any kind, with parts of all kinds."""
    kind = draw(st.sampled_from(["PathObject", "TextObject", "ImageObject", "CompositeObject", "PageBlock"]))
    words = draw(st.text("MLQBACS 0123456789.-", max_size=40))
    data = f"<ofd:AbbreviatedData>M 5 5 L 50 5 {words}</ofd:AbbreviatedData>"
    path = f"<ofd:Path{draw(attributes(*OBJECT))}>{data}</ofd:Path>"
    clip = f"<ofd:Area{draw(attributes('CTM'))}>{path}</ofd:Area>"
    glyphs = f"<ofd:Glyphs>{draw(ODD)}</ofd:Glyphs>"
    return "".join(
        (
            f'<ofd:{kind} Fill="true" Font="50" ResourceID="{draw(st.sampled_from("59"))}"',
            draw(attributes(*OBJECT, *TEXT)),
            f">{draw(paints())}<ofd:Clips><ofd:Clip>{clip}</ofd:Clip></ofd:Clips>{data}",
            f'<ofd:CGTransform CodePosition="{draw(ODD)}" CodeCount="{draw(ODD)}">{glyphs}</ofd:CGTransform>',
            f'<ofd:TextCode X="{draw(ODD)}" Y="9" DeltaX="{draw(ODD)}" DeltaY="{draw(ODD)}">',
            draw(st.text("患者 ab𠀀", max_size=5)),
            f"</ofd:TextCode></ofd:{kind}>",
        )
    )


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(units(), max_size=3))
def test_any_page_is_drawn_or_refused(content: list[str]) -> None:
    """R28: odd values in every attribute of every object."""
    try:
        document = micro("".join(content), resources=RESOURCES)
        render(document, 0, 30)
        find_text(document, "患者")
    except OfdError as error:
        assert error.code.startswith("ofd.")
