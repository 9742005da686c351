"""How the desktop looks: colours, type, spacing, and the one style sheet."""

from __future__ import annotations

from importlib import resources

from desktop_app.qt import QApplication, QColor, QFont, QIcon, QPalette, QPixmap, Qt

FAMILIES = [
    "Noto Sans CJK SC",
    "Source Han Sans SC",
    "Microsoft YaHei UI",
    "Microsoft YaHei",
    "PingFang SC",
    "HarmonyOS Sans SC",
    "WenQuanYi Micro Hei",
    "Droid Sans Fallback",
]
"""Chinese sans-serif families in order of preference; Qt's own default has no Chinese glyphs."""

NURSE_PT, PATIENT_PT = 12, 18
CONTROL_PX, PRIMARY_PX, GAP_PX, MARGIN_PX = 48, 72, 16, 32

NURSE, NURSE_DARK = "#1F4E79", "#173B5C"
SIGNER, SIGNER_DARK = "#1E6B52", "#16513E"
PAPER, GROUND, LINE = "#FFFFFF", "#F3F6F8", "#D5DEE4"
TEXT, MUTED, INK = "#17262F", "#4F626D", "#0B1F4B"
DANGER, DANGER_GROUND = "#A3261D", "#FCEEEC"
WARNING, WARNING_GROUND = "#7A4B00", "#FFF4DC"
GOOD, GOOD_GROUND = "#1B6B43", "#E7F5EC"
FOCUS = "#F2A900"

STYLE = f"""
* {{ color: {TEXT}; }}
QMainWindow, QWidget#page {{ background: {GROUND}; }}
QLabel {{ background: transparent; }}
QLabel[kind="h1"] {{ font-size: 24pt; font-weight: 600; }}
QLabel[kind="h2"] {{ font-size: 16pt; font-weight: 600; }}
QLabel[kind="muted"] {{ color: {MUTED}; }}
QLabel[kind="small"] {{ color: {MUTED}; font-size: 11pt; }}
QLabel[kind="patient-h1"] {{ font-size: 28pt; font-weight: 600; }}
QLabel[kind="patient"] {{ font-size: {PATIENT_PT}pt; }}
QLabel[kind="patient-muted"] {{ font-size: {PATIENT_PT}pt; color: {MUTED}; }}
QLabel[kind="key"] {{ color: {MUTED}; font-size: 11pt; }}
QLabel[kind="value"] {{ font-size: 14pt; }}
QLabel[kind="bar"] {{ color: white; font-size: 18pt; font-weight: 600; }}
QLabel[kind="bar-who"] {{ color: white; font-size: {PATIENT_PT}pt; }}
QLabel[kind="bar-small"] {{ color: white; font-size: 12pt; }}
QLabel[kind="badge"] {{
    background: {WARNING_GROUND}; color: {WARNING}; border: 1px solid #E2BE73;
    border-radius: 6px; padding: 4px 10px; font-weight: 600; }}
QLabel[kind="badge-large"] {{
    background: {WARNING_GROUND}; color: {WARNING}; border: 1px solid #E2BE73;
    border-radius: 8px; padding: 4px 14px; font-size: {PATIENT_PT}pt; font-weight: 600; }}
QLabel[kind="good"] {{ color: {GOOD}; font-size: 20pt; font-weight: 600; }}
QFrame[kind="card"] {{ background: {PAPER}; border: 1px solid {LINE}; border-radius: 12px; }}
QFrame[kind="notice"] {{
    background: {DANGER_GROUND}; border: 1px solid #E5B5B0; border-radius: 10px; }}
QFrame[kind="notice"] QLabel {{ color: {DANGER}; font-size: 14pt; }}
QFrame[kind="left-behind"] {{
    background: {WARNING_GROUND}; border: 1px solid #E2BE73; border-radius: 12px; }}
QFrame[kind="rule"] {{ background: {LINE}; border: none; max-height: 1px; min-height: 1px; }}
QFrame#bar[role="nurse"] {{ background: {NURSE}; }}
QFrame#bar[role="signer"] {{ background: {SIGNER}; }}
QPushButton {{
    background: {PAPER}; border: 1px solid #B4C2CB; border-radius: 10px;
    padding: 6px 22px; min-height: {CONTROL_PX - 14}px; font-size: 13pt; }}
QPushButton:hover {{ background: #EDF2F5; }}
QPushButton:pressed {{ background: #DFE7EC; }}
QPushButton:disabled {{ color: #8A99A2; border-color: {LINE}; background: #EEF2F4; }}
QPushButton:focus, QScrollArea:focus, QCheckBox:focus {{ border: 3px solid {FOCUS}; }}
QPushButton[kind="large"] {{ min-height: {CONTROL_PX + 2}px; font-size: {PATIENT_PT}pt; padding: 8px 28px; }}
QPushButton[kind="primary"] {{
    background: {NURSE}; color: white; border: 1px solid {NURSE_DARK};
    min-height: {PRIMARY_PX - 14}px; font-size: 18pt; font-weight: 600; padding: 6px 36px; }}
QPushButton[kind="primary"]:hover {{ background: {NURSE_DARK}; }}
QPushButton[kind="primary"]:disabled {{ background: #C3CED6; color: #5D6D77; border-color: #C3CED6; }}
QPushButton[kind="primary"]:focus {{ border: 3px solid {FOCUS}; }}
QPushButton[kind="signer"] {{
    background: {SIGNER}; color: white; border: 1px solid {SIGNER_DARK};
    min-height: {PRIMARY_PX - 14}px; font-size: 20pt; font-weight: 600; padding: 6px 40px; }}
QPushButton[kind="signer"]:hover {{ background: {SIGNER_DARK}; }}
QPushButton[kind="signer"]:disabled {{ background: #C3CED6; color: #5D6D77; border-color: #C3CED6; }}
QPushButton[kind="signer"]:focus {{ border: 3px solid {FOCUS}; }}
QScrollArea {{ background: #E4EAEE; border: 3px solid {LINE}; border-radius: 12px; }}
QScrollArea[kind="plain"] {{ background: transparent; border: 3px solid transparent; }}
QScrollArea[kind="plain"]:focus {{ border: 3px solid {FOCUS}; }}
QWidget#sheets {{ background: #E4EAEE; }}
QLabel#plain {{ background: transparent; }}
QListView {{ background: transparent; border: none; outline: none; }}
QCheckBox {{ font-size: {PATIENT_PT}pt; spacing: 14px; padding: 8px; border: 3px solid transparent;
    border-radius: 8px; min-height: {CONTROL_PX - 16}px; }}
QCheckBox::indicator {{ width: 30px; height: 30px; border: 2px solid {SIGNER}; border-radius: 6px;
    background: white; }}
QCheckBox::indicator:checked {{ background: {SIGNER}; image: url("@tick@"); }}
QProgressBar {{ border: none; background: {LINE}; border-radius: 5px; min-height: 10px; max-height: 10px; }}
QProgressBar::chunk {{ background: {SIGNER}; border-radius: 5px; }}
QScrollBar:vertical {{ background: transparent; width: 18px; margin: 2px; }}
QScrollBar::handle:vertical {{ background: #A9B8C1; border-radius: 7px; min-height: 48px; }}
QScrollBar::add-line:vertical, QScrollBar::sub-line:vertical {{ height: 0; }}
QToolTip {{ background: {TEXT}; color: white; border: none; padding: 6px; font-size: 11pt; }}
"""


def apply(app: QApplication) -> None:
    """Set fonts, palette and style for the whole program."""
    app.setStyle("Fusion")
    font = QFont()
    font.setFamilies(FAMILIES)
    font.setPointSize(NURSE_PT)
    font.setHintingPreference(QFont.HintingPreference.PreferNoHinting)
    app.setFont(font)
    palette = QPalette()
    palette.setColor(QPalette.ColorRole.Window, QColor(GROUND))
    palette.setColor(QPalette.ColorRole.WindowText, QColor(TEXT))
    palette.setColor(QPalette.ColorRole.Base, QColor(PAPER))
    palette.setColor(QPalette.ColorRole.Text, QColor(TEXT))
    palette.setColor(QPalette.ColorRole.Highlight, QColor(NURSE))
    app.setPalette(palette)
    tick = resources.files("resources").joinpath("icons", "tick.svg")
    app.setStyleSheet(STYLE.replace("@tick@", str(tick).replace("\\", "/")))
    app.setWindowIcon(icon("penward"))


def font(points: float, *, bold: bool = False) -> QFont:
    """The house's type at `points`."""
    made = QFont()
    made.setFamilies(FAMILIES)
    made.setPointSizeF(points)
    if bold:
        made.setWeight(QFont.Weight.DemiBold)
    return made


def pixmap(name: str, side: int) -> QPixmap:
    """An icon of `resources/icons` as a square of `side` pixels."""
    return icon(name).pixmap(side, side)


def icon(name: str) -> QIcon:
    """An icon of `resources/icons`."""
    data = resources.files("resources").joinpath("icons", f"{name}.svg").read_bytes()
    made = QPixmap()
    made.loadFromData(data, "SVG")
    scaled = made.scaled(
        256, 256, Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.SmoothTransformation
    )
    return QIcon(scaled)
