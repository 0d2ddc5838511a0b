"""Optional tests that compare convcost with networks built by real frameworks, one layer at a time.

They need torch, torchvision, keras and pytorchcv (each group is skipped, with the reason, where its framework is absent)
and download nothing: every network is built without weights and traced on the "meta" device, which knows shapes
but computes and allocates nothing.

    pip install torch keras
    pip install torchvision          # the release made for the installed torch
    pip install timm                 # optional
    pip install --no-deps pytorchcv
    pip install --no-deps torchsr    # optional: super-resolution
    pip install --no-deps mmsegmentation mmcv-lite==2.1.0 mmengine    # optional: segmenters; and what these import
    pip install ethos-u-vela         # optional: the SRAM that it plans
    pytest -m oracle tests/oracle -rs

* ``layers.py``      what is compared (``Layer``, ``Network``) and how (``first_difference``)
* ``frameworks.py``  builds a network in a framework and lists its convolution and linear layer calls
* ``plain_torch.py`` networks torchvision and keras lack, written with plain ``torch.nn``
* ``plain_dense.py`` the same of segmenters and super-resolution; ``mmseg_networks.py`` builds those of mmsegmentation
* ``calls.py``       every op of a network of torchvision, and whether it is a module or a function call
* ``cases.py``       which convcost model is compared with which network
* ``library.py``     the same as data, for networks that libraries ship under names of their own
* ``ops.py``         every op of the language that PyTorch has, as a module and as a function call: those on maps; those
                     along one, two or three axes in ``ops_axes.py``, those on tokens in ``ops_tokens.py``
* ``counters.py``    what the counters of other projects print
* ``running.py``     every product that a torch module computes while it runs: attention, too
* ``detectors.py``   detectors of ultralytics, YOLOX and torchvision, without what turns their numbers into boxes
* ``turns.py``       which of these .ci/run compares
* ``require.py``     skips a test, saying why, where a framework is absent
"""
