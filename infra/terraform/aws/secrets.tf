# Names alone: a value would lie in the state. README.md says how one is put in and brought to the cluster.
resource "aws_secretsmanager_secret" "given" {
  for_each = {
    kaggle  = "KAGGLE_API_TOKEN, for the published data sets"
    prefect = "auth-string and connection-string of Prefect's server, as one JSON object; infra/kubernetes has a secret for each"
  }

  name        = "${var.name}/${each.key}"
  description = each.value
}
