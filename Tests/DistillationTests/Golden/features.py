"""Writes features.json: value and gradients of the distillation of features, in float64. Needs PyTorch.

    lambda / B sum_i (1/K) sum_k [ 1 - cos(P_k f_i, g_ki) ]

with the student's features f [B, n], a projection P_k [m_k, n] and the features g_k [B, m_k] of each of K teachers. The
teachers' features are rounded to float16, as they are stored.
"""

import json
import pathlib

import torch

torch.manual_seed(5)
LAMBDA = 0.7
B, LENGTH, TEACHERS = 4, 5, [6, 3, 5]

# Features come out of a mean over rectified units: none is negative, some are 0.
student = torch.randn(B, LENGTH, dtype=torch.float64).relu().requires_grad_()
projections = [torch.randn(m, LENGTH, dtype=torch.float64).mul(0.5).requires_grad_() for m in TEACHERS]
teachers = [torch.randn(B, m, dtype=torch.float64).relu().half().double() for m in TEACHERS]

distance = sum(
    (1 - torch.nn.functional.cosine_similarity(student @ p.T, g, dim=1)).mean() for p, g in zip(projections, teachers)
)
value = LAMBDA * distance / len(TEACHERS)
value.backward()

golden = {
    "lambda": LAMBDA,
    "student": student.tolist(),
    "projections": [p.tolist() for p in projections],
    "teachers": [g.tolist() for g in teachers],
    "value": value.item(),
    "studentGradient": student.grad.tolist(),
    "projectionGradients": [p.grad.tolist() for p in projections],
}
pathlib.Path(__file__).with_suffix(".json").write_text(json.dumps(golden) + "\n")
print(golden["value"])
