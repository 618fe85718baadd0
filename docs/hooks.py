"""Hooks of the documentation site: the command line's reference from its own help, links that lead out of docs/."""

from __future__ import annotations

import os
import re
from html import escape
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
LINK = re.compile(r"(?<!!)\[([^\]\n]+)\]\(([^)\s#]+)(#[^)\s]*)?\)")


def on_page_markdown(markdown: str, *, page: Any, config: Any, files: Any) -> str:
    """Fills ``<!-- cli -->`` and turns links to files outside docs/ into their paths, which the site does not have."""
    folder = Path(page.file.src_uri).parent

    def inside(match: re.Match[str]) -> str:
        text, target = match[1], match[2]
        if re.match(r"[a-z]+:", target):
            return match[0]
        path = os.path.normpath(os.path.join("docs", folder, target))
        if path.startswith("docs/"):
            return match[0]
        if not (ROOT / path).exists():
            raise FileNotFoundError(f"{page.file.src_uri} links to {target}")
        return f"`{path}`" if text in {path, Path(path).name} else f"{text} (`{path}`)"

    return LINK.sub(inside, markdown.replace("<!-- cli -->", command_line()))


def command_line() -> str:
    """Each verb's help as Markdown."""
    from typer import Context
    from typer.main import get_command

    from binding.cli.main import app

    program: Any = get_command(app)
    parts = []
    for name, command in program.commands.items():
        context = Context(command, info_name=f"binding {name}")
        usage = " ".join(command.collect_usage_pieces(context))
        rows = [_row(parameter, context) for parameter in command.get_params(context) if not parameter.hidden]
        parts += [f"## binding {name}", f"```text\nbinding {name} {usage}\n```", _paragraphs(command.help)]
        parts.append("| option | default | meaning |\n|---|---|---|\n" + "\n".join(rows))
    return "\n\n".join(parts)


def _paragraphs(text: str | None) -> str:
    return "\n\n".join(" ".join(part.split()) for part in (text or "").split("\n\n"))


def _row(parameter: Any, context: Any) -> str:
    option = parameter.param_type_name == "option"
    metavar = parameter.metavar or parameter.display_type(context)
    names = [*parameter.opts, *parameter.secondary_opts] if option else [metavar]
    shown = [f"<code>{escape(name)}</code>" for name in names]
    if option and not parameter.is_flag:
        shown[-1] = f"<code>{escape(names[-1])} {escape(metavar)}</code>"
    default = parameter.show_default if isinstance(parameter.show_default, str) else parameter.default
    if parameter.required:
        default = "required"
    elif default in (None, False, ()) or callable(default):
        default = ""
    cells = (", ".join(shown), escape(str(default)), escape(" ".join((parameter.help or "").split())))
    return "| " + " | ".join(cell.replace("|", "&#124;") for cell in cells) + " |"
