#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Every figure of the project, one program after the other; each prints its own table.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
"$here/boot.py"
"$here/runtime.sh"
