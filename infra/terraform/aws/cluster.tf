module "cluster" {
  source = "./cluster"
  count  = var.cluster ? 1 : 0

  name               = var.name
  region             = var.region
  api_cidrs          = var.api_cidrs
  kubernetes_version = var.kubernetes_version
  cpu_instance_type  = var.cpu_instance_type
  cpu_nodes          = var.cpu_nodes
  gpu_instance_types = var.gpu_instance_types
  gpu_capacity       = var.gpu_capacity
  gpu_nodes          = var.gpu_nodes

  accounts = {
    study = {
      namespace = local.namespace
      account   = "charrec-study"
      policy    = aws_iam_policy.store["study"].arn
    }
    worker = {
      namespace = local.namespace
      account   = "charrec-worker"
      policy    = aws_iam_policy.store["worker"].arn
    }
  }
}

locals {
  namespace = "charrec" # as in infra/kubernetes, the accounts' names too
}
