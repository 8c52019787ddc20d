"""No library reports to its makers that somebody swaps a face."""

import subprocess
import sys


def test_onnx_runtime_begins_no_session_of_telemetry(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.delenv("ORT_DISABLE_TELEMETRY", raising=False)
    script = "from faceshifter_hub.safety.content import score_content; import numpy, sys;"
    script += "score_content(numpy.zeros((64, 64, 3), numpy.uint8)); assert 'onnxruntime' in sys.modules"
    subprocess.run([sys.executable, "-c", script], check=True)
    assert list(tmp_path.iterdir()) == []
