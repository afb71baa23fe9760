"""A client of yaml-language-server: opens a text, and asks for what an editor shows of it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Any

from typing_extensions import Self


class LanguageServer:
    """The server as a process, for one folder.

    Args:
        program: Where npm put it.
        folder: The folder that an editor would have open.
        settings: The `yaml` section of the editor's settings.
    """

    def __init__(self, program: Path, folder: Path, settings: dict[str, Any] | None = None) -> None:
        self._process = subprocess.Popen(
            [str(program), "--stdio"], cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self._settings = {"schemaStore": {"enable": False}, "kubernetesCRDStore": {"enable": False}, **(settings or {})}
        self._settings |= {"validate": True, "hover": True, "completion": True}
        self._next = 0
        self._texts: dict[str, str] = {}
        self._problems: dict[str, list[dict[str, Any]]] = {}
        self._folder = folder
        capabilities = {
            "workspace": {"configuration": True},
            "textDocument": {"completion": {"completionItem": {"documentationFormat": ["markdown"]}}},
        }
        root = {"uri": folder.as_uri(), "name": folder.name}
        self._ask("initialize", processId=None, rootUri=root["uri"], capabilities=capabilities, workspaceFolders=[root])
        self._tell("initialized")
        self._tell("workspace/didChangeConfiguration", settings={"yaml": self._settings})

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.communicate()

    def problems(self, file: str, text: str) -> list[tuple[int, str]]:
        """The line, counted from 0, and the message of everything that is underlined.

        Args:
            file: Path of the file in the folder; it keeps the text that it was first asked for with.
            text: What stands in the editor.
        """
        uri = self._open(file, text)
        while uri not in self._problems:
            self._receive()
        return sorted((each["range"]["start"]["line"], each["message"]) for each in self._problems[uri])

    def hover(self, file: str, text: str, line: int, character: int) -> str:
        """What is shown over a place of a text; empty where nothing is."""
        shown = self._ask_at("textDocument/hover", file, text, line, character)
        return str(shown["contents"]["value"]) if shown else ""

    def completions(self, file: str, text: str, line: int, character: int) -> dict[str, str]:
        """What is offered at a place of a text, with its documentation."""
        offered = self._ask_at("textDocument/completion", file, text, line, character)
        items = offered["items"] if isinstance(offered, dict) else offered or []
        return {item["label"]: _text(item.get("documentation", "")) for item in items}

    def _ask_at(self, method: str, file: str, text: str, line: int, character: int) -> Any:
        uri = self._open(file, text)
        return self._ask(method, textDocument={"uri": uri}, position={"line": line, "character": character})

    def _open(self, file: str, text: str) -> str:
        uri = (self._folder / file).as_uri()
        if uri not in self._texts:
            self._texts[uri] = text
            document = {"uri": uri, "languageId": "yaml", "version": 1, "text": text}
            self._tell("textDocument/didOpen", textDocument=document)
        # what the server says of a file does not tell of which of its texts
        assert self._texts[uri] == text, f"{file} is open with another text"
        return uri

    def _ask(self, method: str, **parameters: Any) -> Any:
        self._next += 1
        number = self._next
        self._send({"id": number, "method": method, "params": parameters})
        while (message := self._receive()).get("id") != number or "method" in message:
            pass
        if "error" in message:
            raise RuntimeError(f"{method}: {message['error']}")
        return message.get("result")

    def _tell(self, method: str, **parameters: Any) -> None:
        self._send({"method": method, "params": parameters})

    def _send(self, message: dict[str, Any]) -> None:
        assert self._process.stdin
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self._process.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        self._process.stdin.flush()

    def _receive(self) -> dict[str, Any]:
        """The next message; what the server asks is answered, what it finds is kept."""
        assert self._process.stdout
        length = 0
        while line := self._process.stdout.readline().strip():
            name, _, value = line.partition(b":")
            length = int(value) if name.lower() == b"content-length" else length
        if not length:
            raise RuntimeError("the language server has ended")
        message: dict[str, Any] = json.loads(self._process.stdout.read(length))
        if "method" in message and "id" in message:
            self._send({"id": message["id"], "result": self._answer(message)})
        if message.get("method") == "textDocument/publishDiagnostics":
            self._problems[message["params"]["uri"]] = message["params"]["diagnostics"]
        return message

    def _answer(self, message: dict[str, Any]) -> Any:
        """The settings that the server asks for, by section; nothing else is known here."""
        if message["method"] != "workspace/configuration":
            return None
        return [self._settings if each.get("section") == "yaml" else {} for each in message["params"]["items"]]


def _text(documentation: Any) -> str:
    return str(documentation["value"] if isinstance(documentation, dict) else documentation)
