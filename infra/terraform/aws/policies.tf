# One document per role; tests/infra/test_iam.py holds them to what charrec really asks of S3.
resource "aws_iam_policy" "store" {
  for_each = {
    study  = "charrec's study: everything is read, results are stored, nothing is deleted"
    worker = "charrec's workers: trainings and trials of the search, with their checkpoints"
    reader = "charrec's commands report, predict, champion list and sweep status"
  }

  name        = "${var.name}-${each.key}"
  description = each.value
  policy      = templatefile("${path.module}/policies/${each.key}.json", { bucket = var.bucket, prefix = var.prefix })
}
