"""Terraform as tests call it."""

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

LIMIT = 300
# `plan -detailed-exitcode`
NO_CHANGES, CHANGES = 0, 2


@dataclass(frozen=True)
class Terraform:
    """A directory with a configuration, and the variables that never change."""

    directory: Path
    variables: dict

    def init(self, mirror):
        """Fetches the provider: from a directory where one is given, else from its registry."""
        more = [f"-plugin-dir={mirror}"] if mirror else []
        self._run(["init", "-input=false", *more])

    def apply(self, values):
        """Makes the world what the file of `values` says."""
        self._run(["apply", "-input=false", "-auto-approve", *self._variables(values)])

    def apply_planned(self):
        """Does what was planned last."""
        self._run(["apply", "-input=false", "plan"])

    def plan(self, values):
        """What would change: actions by address. Empty for none."""
        ended = self._run(["plan", "-input=false", "-detailed-exitcode", "-out=plan",
                           *self._variables(values)], accepted=(NO_CHANGES, CHANGES))
        if ended.returncode == NO_CHANGES:
            return {}
        shown = json.loads(self._run(["show", "-json", "plan"]).stdout)
        actions = {one["address"]: one["change"]["actions"] for one in shown["resource_changes"]}
        return {address: done for address, done in actions.items() if done != ["no-op"]}

    def has_state(self):
        """Whether anything is there that was made here."""
        return self._run(["state", "list"]).stdout.strip() != ""

    def destroy(self, values):
        """Removes everything."""
        self._run(["destroy", "-input=false", "-auto-approve", *self._variables(values)])

    def _variables(self, values):
        given = [f"-var={name}={value}" for name, value in self.variables.items()]
        return [f"-var-file={values}", *given]

    def _run(self, arguments, accepted=(0,)):
        environment = {**os.environ, "TF_IN_AUTOMATION": "1", "TF_CLI_ARGS": "-no-color",
                       "CHECKPOINT_DISABLE": "1"}
        # The configuration names the endpoints, of two servers.
        environment.pop("AWS_ENDPOINT_URL", None)
        command = ["terraform", f"-chdir={self.directory}", *arguments]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT,
                               env=environment)
        assert ended.returncode in accepted, f"{arguments[0]}: {ended.stdout}\n{ended.stderr}"
        return ended
